package port

// Modules are the kernel modules that DataLinks needs.
var Modules = []string{"8021q"}

// Drivers are those of modems. They load by themselves when a modem appears.
var Drivers = []string{
	// USB: the network devices, most with a control port; then serial ports.
	"cdc_mbim", "qmi_wwan", "huawei_cdc_ncm", "cdc_ncm", "cdc_ether", "rndis_host",
	"cdc_wdm", "option", "qcserial", "sierra", "cdc_acm",
	// PCI: Qualcomm's and Intel's.
	"mhi_pci_generic", "mhi_wwan_ctrl", "mhi_wwan_mbim", "iosm",
}
