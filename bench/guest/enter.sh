# Second program of the guest, among the host's own programs: makes the machine that the command expects, runs the command of
# /run/guest/command, leaves its status in /run/guest/status and switches the machine off. Its output is the second serial line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
stty -F /dev/ttyS1 raw -echo
exec >/dev/ttyS1 2>&1 </dev/null
ln -s /proc/self/fd /dev/fd
hostname guest
ip link set lo up
mkdir -p /run/netns
for module in openvswitch vport-geneve veth tun bridge; do
  modprobe -q "$module" || echo "guest: this kernel has no module $module"
done
[ -c /dev/net/tun ] || mknod /dev/net/tun c 10 200
# ovs-vswitchd 3.1 counts the cores only after 10 s of uptime: started earlier it has no handler threads, and loses every miss.
while [ "$(cut -d. -f1 /proc/uptime)" -lt 11 ]; do sleep 0.5; done
echo "guest: Linux $(uname -r), $(nproc) CPUs, up for $(cut -d' ' -f1 /proc/uptime) s"
/bin/sh /run/guest/command
echo $? > /run/guest/status
sync
echo o > /proc/sysrq-trigger
sleep 60
