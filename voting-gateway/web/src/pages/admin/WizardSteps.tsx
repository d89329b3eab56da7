import { useTranslations } from 'use-intl';
import { Icon } from '../../ui/Icon';
import { STEPS, type Issue, type Step } from './checklist';

interface WizardStepsProps {
  current: Step;
  issues: Issue[];
  seen: ReadonlySet<Step>;
  onGo: (step: Step) => void;
}

/** The way through the wizard; every step can be gone to at any time. */
export function WizardSteps({ current, issues, seen, onGo }: WizardStepsProps) {
  const t = useTranslations('admin');
  return (
    <nav aria-label={t('wizard.steps.label')}>
      <ol className="wizard-steps">
        {STEPS.map((step, place) => {
          const isOpen = seen.has(step) && issues.some((issue) => issue.step === step);
          return (
            <li key={step} aria-current={step === current ? 'step' : undefined}>
              <button type="button" className="wizard-step" aria-disabled={step === current || undefined} onClick={() => step !== current && onGo(step)}>
                <span className="wizard-number" aria-hidden="true">
                  {isOpen ? <Icon name="warning" /> : place + 1}
                </span>
                {t(`wizard.steps.${step}`)}
                {isOpen && <span className="visually-hidden"> ({t('check.stepOpen')})</span>}
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}
