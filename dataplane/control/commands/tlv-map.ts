// The TLV map: which Geneve options are tun_metadata fields. dump prints ovs-ofctl's text.
import type { Switch } from '../../switch.js';
import type { CommandTable } from '../commands.js';

export function registerTlvMap(commands: CommandTable, sw: Switch): void {
  commands.register({
    name: 'packetwalk/tlv-map-add',
    usage: '{class=C,type=T,len=L}->tun_metadataN[,...]',
    minArgs: 1,
    maxArgs: 1,
    run: ([text]) => {
      sw.addTlvMap(text);
      return '{}\n';
    },
  });
  commands.register({
    name: 'packetwalk/tlv-map-del',
    usage: '[{class=C,type=T,len=L}->tun_metadataN[,...]]',
    minArgs: 0,
    maxArgs: 1,
    run: ([text]) => {
      sw.delTlvMap(text);
      return '{}\n';
    },
  });
  commands.register({ name: 'packetwalk/tlv-map-dump', usage: '', minArgs: 0, maxArgs: 0, run: () => sw.dumpTlvMap() });
}
