// node raw-probe.cjs DESTINATION HEX: sends one IPv4 packet, header included, through a raw socket (the `raw-socket`
// package), so that its source may be anybody's. Run inside the namespace that is to send it.
const raw = require('raw-socket');

const [destination, hex] = process.argv.slice(2);
const packet = Buffer.from(hex, 'hex');
const socket = raw.createSocket({ protocol: raw.Protocol.TCP });
socket.setOption(raw.SocketLevel.IPPROTO_IP, raw.SocketOption.IP_HDRINCL, Buffer.from([1, 0, 0, 0]), 4);
socket.send(packet, 0, packet.length, destination, (error) => {
  socket.close();
  if (error) {
    process.stderr.write(`${error}\n`);
    process.exitCode = 1;
  }
});
