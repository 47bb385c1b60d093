/** The colour maps that the engine draws with. */
import { t } from '../l10n';
import type { DropdownOption } from '../ui/dropdown';

export function colorMapOptions(): DropdownOption[] {
  return [
    { value: 'auto', label: t('Colours: automatic') },
    { value: 'viridis', label: 'Viridis' },
    { value: 'magma', label: 'Magma' },
    { value: 'inferno', label: 'Inferno' },
    { value: 'plasma', label: 'Plasma' },
    { value: 'cividis', label: 'Cividis' },
    { value: 'turbo', label: 'Turbo' },
    { value: 'greys', label: t('Greys') },
    { value: 'rdbu', label: t('Red to blue') },
  ];
}
