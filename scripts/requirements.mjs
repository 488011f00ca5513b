// What packetwalk needs from the machine: commands, and the Debian packages that bring them. Read by bootstrap.mjs,
// which runs before anything is installed, so it uses Node alone.

/** Commands by what needs them: [command, Debian package, why]. */
export const NEEDS = {
  build: [
    ['g++', 'g++', 'compiles the addon'],
    ['make', 'make', 'builds the addon'],
    ['python3', 'python3', 'node-gyp is run by it'],
  ],
  lab: [
    ['ip', 'iproute2', 'namespaces, links, routes'],
    ['iptables-restore', 'iptables', "kube-proxy's rules"],
    ['ipset', 'ipset', "Antrea's set of pod addresses"],
    ['dnsmasq', 'dnsmasq-base', "the cluster's DNS"],
    ['curl', 'curl', 'the traffic of the walks'],
    ['tcpdump', 'tcpdump', 'an independent look at the wire'],
    ['conntrack', 'conntrack', "the node kernel's NAT table"],
    ['ethtool', 'ethtool', 'device offloads'],
    ['sysctl', 'procps', 'forwarding in the nodes'],
  ],
  test: [
    ['ovs-vswitchd', 'openvswitch-switch', 'the reference that we are compared with'],
    ['tshark', 'tshark', 'reads the captures independently'],
    ['vsftpd', 'vsftpd', 'an FTP server, whose connections are tracked'],
    ['pcap-config', 'libpcap-dev', 'the cap package is compiled against it'],
  ],
  web: [
    ['chromium', 'chromium', 'the browser that tests the page'],
    ['pngquant', 'pngquant', "makes the page's pictures small"],
  ],
  ui: [['ping', 'iputils-ping', "one of the page's probes"]],
  bench: [
    ['ovs-vswitchd', 'openvswitch-switch', 'a contender'],
    ['iperf3', 'iperf3', 'TCP streams'],
    ['ethtool', 'ethtool', 'device offloads'],
    ['qemu-system-x86_64', 'qemu-system-x86', 'a guest for kernel OVS, where this kernel has none'],
    ['modprobe', 'kmod', "the guest's modules"],
  ],
};
