package main

import "testing"

func TestCompile(t *testing.T) {
	const database = `<?xml version="1.0" encoding='utf-8'?>
<!DOCTYPE serviceproviders SYSTEM "serviceproviders.2.dtd">
<serviceproviders format="2.0">
<country code="xx">
	<name>Elsewhere</name>
	<provider primary="false">
		<name>Corner Shop Mobile</name>
		<gsm>
			<network-id mcc="999" mnc="01"/>
			<apn value="corner"/>
		</gsm>
	</provider>
	<provider>
		<name>Plain</name>
		<name xml:lang="ru">Простой</name>
		<gsm>
			<network-id mcc="999" mnc="02"/>
			<network-id mcc="998" mnc="123"/>
			<apn value="prepaid"><plan type="prepaid"/><usage type="internet"/></apn>
			<apn value="both"><plan type="postpaid"/><plan type="prepaid"/><usage type="internet"/></apn>
			<apn value="mms"><usage type="mms"/></apn>
			<apn value="wap"><usage type="wap"/></apn>
			<apn value="all"><usage type="mms-internet-hipri"/><name>Everything</name></apn>
			<apn value="both"><usage type="internet"/><name>Twice</name></apn>
			<apn value="secret"><usage type="internet"/><username>u</username><password>p</password><authentication method="chap"/></apn>
		</gsm>
	</provider>
	<provider primary="true">
		<name>Grand</name>
		<gsm>
			<network-id mcc="999" mnc="01"/>
			<apn value="grand"/>
		</gsm>
	</provider>
	<provider>
		<name>Landless</name>
		<gsm><apn value="landless"/></gsm>
	</provider>
	<provider><name>Nothing but MMS</name><gsm><network-id mcc="999" mnc="03"/><apn value="m"><usage type="mms"/></apn></gsm></provider>
	<provider><name>Another world</name><cdma><sid value="1"/></cdma></provider>
</country>
</serviceproviders>`
	const want = "# Made by go generate from Debian's source 1, which is in the public domain.\n" +
		"99901\tGrand\n\tgrand\n" +
		"99902 998123\tPlain\tПростой\n\tboth\n\tall\t\t\t\tEverything\n\tsecret\tu\tp\tchap\n\tprepaid\n" +
		"998 999\tLandless\n\tlandless\n" +
		"99901\tCorner Shop Mobile\n\tcorner\n"
	got, err := compile("source 1", []byte(database))
	if err != nil || string(got) != want {
		t.Errorf("compiled to\n%s%v; want\n%s", got, err, want)
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	for name, gsm := range map[string]string{
		"number":  `<network-id mcc="99" mnc="1"/><apn value="a"/>`,
		"newline": "<network-id mcc=\"999\" mnc=\"01\"/><apn value=\"a\"><username>x\ny</username></apn>",
		"XML":     `<apn`,
	} {
		if got, err := compile("", []byte("<r><country><provider><name>n</name><gsm>"+gsm+"</gsm></provider></country></r>")); err == nil {
			t.Errorf("%s: compiled to %q", name, got)
		}
	}
}
