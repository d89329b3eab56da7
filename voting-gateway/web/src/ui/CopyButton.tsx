import { useTranslations } from 'use-intl';
import { Button } from './Button';
import { Icon } from './Icon';
import { toast } from './toasts';

export function CopyButton({ text, label }: { text: string; label: string }) {
  const t = useTranslations();
  const copy = async (): Promise<void> => {
    // The clipboard exists on secure origins only, and may be forbidden.
    const copied = await navigator.clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    toast(t(copied ? 'common.copied' : 'common.copyFailed'));
  };
  return (
    <Button onClick={() => void copy()}>
      <Icon name="copy" />
      {label}
    </Button>
  );
}
