#!/bin/busybox sh
# First program of the guest, in its initramfs. Lays a writable layer over the host's files, which come read-only by 9p, and
# hands on to enter.sh inside them. image.ts packs it with busybox and the modules named in /modules/order.
b=/bin/busybox
stop() {
  $b echo "guest: $1"
  $b poweroff -f
}
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
while read -r module; do $b insmod "/modules/$module" || stop "cannot load $module"; done < /modules/order

nine=trans=virtio,version=9p2000.L,msize=512000
$b mount -t 9p -o "ro,cache=loose,$nine" host /host || stop "cannot mount the host's files"
$b mount -t 9p -o "rw,cache=none,$nine" share /share || stop "cannot mount the shared folder"
$b mount -t tmpfs -o size=75%,mode=755 tmpfs /top
$b mkdir -p /top/files /top/work
$b mount -t overlay -o lowerdir=/host,upperdir=/top/files,workdir=/top/work overlay /root || stop "cannot lay the overlay"

$b mount --move /dev /root/dev
$b mount --move /sys /root/sys
$b mount -t proc proc /root/proc
# /run is the guest's own. /tmp stays the host's below the overlay: the package may lie there.
$b mount -t tmpfs -o mode=755 tmpfs /root/run
release=$($b uname -r)
$b mkdir -p "/root/usr/lib/modules/$release" /root/run/guest /root/dev/pts /root/dev/shm /root/dev/net
$b mount --bind "/host$($b cat /share/modules)/$release" "/root/usr/lib/modules/$release"
$b mount --bind /share /root/run/guest
$b mount -t devpts devpts /root/dev/pts
$b mount -t tmpfs tmpfs /root/dev/shm
# switch_root, not chroot: the kernel then finds modprobe and loads modules by itself.
exec $b switch_root /root /bin/sh /run/guest/enter.sh
