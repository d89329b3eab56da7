import { useMutation } from '@tanstack/react-query';
import { useTranslations } from 'use-intl';
import { getBundle } from '../services/results';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { ProblemNotice } from '../ui/problems';
import { saveFile } from '../ui/saveFile';

/** Downloads what verifies the election offline, for those who may see the result before everyone does: a link cannot say who asks. */
export function BundleButton({ id }: { id: string }) {
  const t = useTranslations('board');
  const loading = useMutation({ mutationFn: () => getBundle(id), onSuccess: (bundle) => saveFile(bundle, `election-${id}.bundle`) });
  return (
    <>
      <Button busy={loading.isPending} onClick={() => loading.mutate()}>
        <Icon name="download" />
        {t(loading.isPending ? 'bundleBusy' : 'bundle')}
      </Button>
      {loading.error && <ProblemNotice error={loading.error} urgent />}
    </>
  );
}
