// Command exit is a PID 1 that dies.
package main

func main() { panic("as intended") }
