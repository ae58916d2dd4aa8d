// Package qmi reads and writes QMI, the protocol in which a host (a control
// point) directs a Qualcomm modem, as octets: the QMUX frame around a message,
// its TLVs, and a struct for each request, response and indication that the
// router or an emulated modem has a use for. The source is the GobiNet
// description of QMUX and CTL and the tables libqmi publishes of the services.
// The package is pure, with no port, clock or state: it accepts any octets,
// allocates no more than a small multiple of their number, keeps TLVs it does
// not know in their order, and says of a bad message what is wrong where; what
// is read can be written, and reads the same again; PINs and passwords do not
// print.
package qmi
