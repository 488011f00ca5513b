// The built addon, for tests that need it: itself, or the reason why it cannot be had.
import { loadAddon } from '../../dataplane/datapath/addon.js';
import type { NativeAddon } from '../../dataplane/datapath/native.js';

export const addon: { native?: NativeAddon; missing?: string } = load();

function load(): { native?: NativeAddon; missing?: string } {
  try {
    return { native: loadAddon() };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}
