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

// A line is how each connection is slowed down, and which of them are cut: every one that can be
// divided by every, after limit bytes from the target; none where every is 0.
type line struct {
	latency      time.Duration
	rate         float64
	every, limit int
}

// shape forwards every connection to target, slowed down one by one.
func shape(listen, target string, args []string) error {
	rtt, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	l := line{latency: rtt / 2}
	if l.rate, err = strconv.ParseFloat(args[1], 64); err != nil {
		return err
	}
	if len(args) == 4 {
		if l.every, err = strconv.Atoi(args[2]); err != nil {
			return err
		}
		if l.limit, err = strconv.Atoi(args[3]); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	for number := 1; ; number++ {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		limit := int64(0)
		if l.every > 0 && number%l.every == 0 {
			limit = int64(l.limit)
		}
		go connect(client.(*net.TCPConn), target, l, limit)
	}
}

func connect(client *net.TCPConn, target string, l line, limit int64) {
	defer client.Close()
	opened := time.Now().Add(2 * l.latency) // the handshake that the kernel here answered at once
	conn, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	done := make(chan struct{})
	go func() {
		delay(server, client, opened, l)
		close(done)
	}()
	if limit > 0 {
		delay(client, io.LimitReader(server, limit), opened, l)
		return // both ends are closed, whatever they had to say
	}
	delay(client, server, opened, l)
	<-done
}

// delay copies from one side to the other, not before opened, each byte late by at least the
// line's latency, and at no more than its rate.
func delay(to *net.TCPConn, from io.Reader, opened time.Time, l line) {
	pieces := make(chan piece, inFlight)
	spare := make(chan []byte, inFlight+2)
	for range cap(spare) {
		spare <- nil // a buffer is made when it is first needed
	}
	go read(from, opened, l, pieces, spare)
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			if conn, ok := from.(*net.TCPConn); ok {
				conn.CloseRead()
			}
		}
		spare <- p.data[:cap(p.data)]
	}
	to.CloseWrite()
}

func read(from io.Reader, opened time.Time, l line, pieces chan<- piece, spare <-chan []byte) {
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
			last = due.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
			pieces <- piece{buffer[:n], last.Add(l.latency)}
		}
		if err != nil {
			return
		}
	}
}
