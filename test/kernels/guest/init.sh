#!/usr/bin/busybox sh
# First process of the guest: makes the places that programs expect, loads modules, runs the checks, ends the machine.
busybox=/usr/bin/busybox
[ -x $busybox ] || busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sys /sys
$busybox mount -t devtmpfs dev /dev
$busybox mkdir -p /dev/pts /dev/shm
$busybox mount -t devpts devpts /dev/pts
$busybox mount -t tmpfs tmpfs /tmp
$busybox mount -t tmpfs tmpfs /run
$busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
$busybox mount -t tracefs tracefs /sys/kernel/tracing
$busybox mount -t securityfs securityfs /sys/kernel/security
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp EARSHOT_TEST_PATIENCE=10
[ -e /dev/fd ] || $busybox ln -s /proc/self/fd /dev/fd
while read -r module; do
  $busybox insmod "/earshot/modules/$module.ko" || echo "@@{\"note\":\"module $module was refused\"}"
done </earshot/modules/order
$busybox ip link set lo up
cd /earshot || exit
node test/kernels/guest/main.ts 2>&1 || echo '@@{"failed":"the checks ended early"}'
$busybox sync
$busybox poweroff -f
