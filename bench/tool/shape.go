package main

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	pieceSize = 128 << 10 // large enough that the proxy is never what limits
	inFlight  = 16        // pieces a direction may hold back: 2 MiB, more than RATE × RTT
)

// A piece is what was read at once, and when it may leave.
type piece struct {
	data []byte
	due  time.Time
}

// shape forwards every connection to target, slowed down one by one.
func shape(listen, target, rttText, rateText string) error {
	rtt, err := time.ParseDuration(rttText)
	if err != nil {
		return err
	}
	rate, err := strconv.ParseFloat(rateText, 64)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go connect(client.(*net.TCPConn), target, rtt, rate)
	}
}

func connect(client *net.TCPConn, target string, rtt time.Duration, rate float64) {
	defer client.Close()
	opened := time.Now().Add(rtt) // the handshake that the kernel here answered at once
	conn, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	done := make(chan struct{})
	go func() {
		delay(server, client, opened, rtt/2, rate)
		close(done)
	}()
	delay(client, server, opened, rtt/2, rate)
	<-done
}

// delay copies from one side to the other, not before opened, each byte late by at least latency,
// and at no more than rate.
func delay(to, from *net.TCPConn, opened time.Time, latency time.Duration, rate float64) {
	pieces := make(chan piece, inFlight)
	spare := make(chan []byte, inFlight+2)
	for range cap(spare) {
		spare <- nil // a buffer is made when it is first needed
	}
	go read(from, opened, latency, rate, pieces, spare)
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			from.CloseRead()
		}
		spare <- p.data[:cap(p.data)]
	}
	to.CloseWrite()
}

func read(from io.Reader, opened time.Time, latency time.Duration, rate float64, pieces chan<- piece, spare <-chan []byte) {
	defer close(pieces)
	last := opened
	for {
		buffer := <-spare
		if buffer == nil {
			buffer = make([]byte, pieceSize)
		}
		n, err := from.Read(buffer)
		if n > 0 {
			due := time.Now()
			if last.After(due) {
				due = last
			}
			last = due.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			pieces <- piece{buffer[:n], last.Add(latency)}
		}
		if err != nil {
			return
		}
	}
}
