# Sourced by the guests' /init: the steps both take.

mount -t devtmpfs -o nosuid dev /dev 2>/dev/null
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sys /sys
mount -t tmpfs -o nosuid,nodev run /run
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# What udev would load for the devices, and what the first SA would wait for.
modprobe -a virtio_pci virtio_net ip_gre xfrm_user esp4 gcm ghash_ce aes_ce_blk seqiv drbg

echo 1 > /proc/sys/net/ipv4/ip_forward
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter

# A root shell for the lab. A serial port needs no driver of its own here.
control() {
  while :; do
    setsid sh -c 'stty raw -echo; exec sh +i' < /dev/ttyS0 > /dev/ttyS0 2>&1
  done
}
control &

# frr starts the daemons, which read /etc/frr/<daemon>.conf themselves.
frr() {
  mkdir -p /run/frr /var/tmp/frr /usr/share/yang
  chown frr:frr /run/frr
  touch /etc/frr/vtysh.conf
  for daemon in "$@"; do
    /usr/lib/frr/$daemon -d -A 127.0.0.1 --log stdout
  done
}

# swan starts strongSwan without systemd and loads /etc/swanctl/swanctl.conf.
swan() {
  charon-systemd &
  until swanctl --load-all --noprompt; do sleep 0.1; done
}
