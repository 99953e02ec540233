// The bench's own small program: a shaping proxy, and a stopwatch for one command.
//
//	tool shape LISTEN TARGET RTT RATE [EVERY BYTES]
//	                                    each connection gets a round trip of RTT and RATE bytes/s;
//	                                    each EVERYth one is cut after BYTES
//	tool tunnel LISTEN                  a proxy that makes tunnels by CONNECT
//	tool clock OUT COMMAND...           wall time and memory of COMMAND, sync included, as JSON
//	tool fetch CONNECTIONS LIST         every "URL DIGEST" of LIST, over so many connections, proved
//	tool many LISTEN IMAGES OWN SHARED POOL
//	                                    a registry in memory: tiny images, each of OWN layers of its
//	                                    own and of SHARED layers from a pool of POOL
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tool:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case (len(args) == 5 || len(args) == 7) && args[0] == "shape":
		return shape(args[1], args[2], args[3:])
	case len(args) == 2 && args[0] == "tunnel":
		return tunnel(args[1])
	case len(args) >= 3 && args[0] == "clock":
		return clock(args[1], args[2:])
	case len(args) == 3 && args[0] == "fetch":
		return fetch(args[1], args[2])
	case len(args) == 6 && args[0] == "many":
		return many(args[1], args[2:])
	}
	return fmt.Errorf("usage: tool shape LISTEN TARGET RTT RATE [EVERY BYTES] | tool tunnel LISTEN |" +
		" tool clock OUT COMMAND | tool fetch CONNECTIONS LIST |" +
		" tool many LISTEN IMAGES OWN SHARED POOL")
}
