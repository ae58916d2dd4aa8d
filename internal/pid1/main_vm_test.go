//go:build vm

package pid1

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// helperEnv names the part that the test binary plays when a test starts it
// again.
const helperEnv = "FARSPOKE_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "":
		os.Exit(m.Run())
	case "status":
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Stdout.Write(status)
	case "orphans":
		// The children outlive this process, which PID 1, or a subreaper, has
		// to notice.
		for range 5 {
			if err := helper("exit").Start(); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
		}
	case "exit":
		os.Exit(3)
	}
}

// helper returns the command that plays the part.
func helper(part string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{helperEnv + "=" + part}
	return cmd
}
