package privileged

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFilesOutliveTheProcess keeps files and looks at what a child inherits:
// this test itself, started anew.
func TestFilesOutliveTheProcess(t *testing.T) {
	if _, child := os.LookupEnv(filesVariable); child {
		for name, file := range Kept() {
			text := make([]byte, 16)
			n, err := file.Read(text)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s holds %s", name, text[:n])
		}
		return
	}
	var files Files
	for _, kept := range []struct{ name, text string }{
		{"ike-front-500", "old"}, {"ike-front-4500", "four"}, {"ike-front-500", "five"}, {"ike-gone-500", "gone"},
	} {
		// Files closes what it lets go of, so each needs one of its own.
		if err := files.Keep(kept.name, fileWith(t, kept.text)); err != nil {
			t.Fatal(err)
		}
	}
	files.Drop("ike-gone-500")
	files.Drop("ike-gone-500")

	cmd := exec.Command(os.Args[0], "-test.run=^TestFilesOutliveTheProcess$", "-test.v")
	cmd.ExtraFiles = []*os.File{fileWith(t, "the end of the socket pair")}
	files.Pass(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"ike-front-500 holds five", "ike-front-4500 holds four"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the child does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "gone") {
		t.Errorf("the child has a file that was dropped:\n%s", out)
	}
}

func TestFilesAreBounded(t *testing.T) {
	var files Files
	for i := range maxFiles {
		if err := files.Keep(strings.Repeat("x", i+1), fileWith(t, "")); err != nil {
			t.Fatal(err)
		}
	}
	if err := files.Keep("y", fileWith(t, "")); err == nil {
		t.Error("there is no bound on the files that are kept")
	}
	if err := files.Keep("x", fileWith(t, "")); err != nil {
		t.Errorf("replacing a file: %v", err)
	}
}
