package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
)

// tunnel is a proxy that makes tunnels by CONNECT (RFC 9110, 9.3.6), and nothing else. Every name
// leads to this machine.
func tunnel(listen string) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, http.HandlerFunc(lead))
}

func lead(answer http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodConnect {
		http.Error(answer, "tunnels only", http.StatusMethodNotAllowed)
		return
	}
	_, port, err := net.SplitHostPort(request.Host)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	target, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	defer target.Close()
	fmt.Println("CONNECT", request.Host)
	answer.WriteHeader(http.StatusOK)
	client, rest, err := answer.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	go func() {
		io.CopyN(target, rest, int64(rest.Reader.Buffered()))
		io.Copy(target, client)
		target.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(client, target)
}
