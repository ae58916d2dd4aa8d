#!/bin/sh
# Called by udhcpc with the lease in its environment.
case $1 in
bound | renew)
  ip addr replace $ip/$mask dev $interface
  [ -n "$router" ] && ip route replace default via $router dev $interface
  for server in $dns; do echo nameserver $server; done > /etc/resolv.conf
  echo milestone=lease
  ;;
esac
