// Command hang is a PID 1 that does nothing, for ever.
package main

import "time"

func main() {
	for {
		time.Sleep(time.Hour)
	}
}
