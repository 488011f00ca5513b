// Dark, light, or as the system has it. Remembered by the browser; the style sheet does the rest with light-dark().
import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const THEMES: Theme[] = ['system', 'light', 'dark'];
const KEY = 'packetwalk-theme';

const stored = localStorage.getItem(KEY) as Theme | null;
export const theme = signal<Theme>(stored && THEMES.includes(stored) ? stored : 'system');
apply();

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length];
  localStorage.setItem(KEY, theme.value);
  apply();
}

function apply(): void {
  document.documentElement.dataset.theme = theme.value;
}
