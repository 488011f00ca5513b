// node inject-frame.cjs DEVICE HEX: sends one frame as it is out of DEVICE, through libpcap (the `cap` package). Run inside
// the namespace that owns the device.
const { Cap } = require('cap');

const [device, hex] = process.argv.slice(2);
const frame = Buffer.from(hex, 'hex');
const cap = new Cap();
cap.open(device, '', 65536, Buffer.alloc(65536));
cap.send(frame, frame.length);
cap.close();
