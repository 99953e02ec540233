package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

// Every media type that a manifest may have: a registry answers with what it has.
const manifests = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, " +
	"application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"

// fetch asks for every line of list, "URL sha256:HEX", over so many connections, and proves each answer.
func fetch(connections, list string) error {
	count, err := strconv.Atoi(connections)
	if err != nil {
		return err
	}
	file, err := os.Open(list)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := make(chan string, count)
	failed := make(chan error, count)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: count, MaxIdleConnsPerHost: count, DisableCompression: true}}
	var workers sync.WaitGroup
	for range count {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for line := range lines {
				if err := get(client, line); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	go func() { workers.Wait(); close(failed) }()
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		select {
		case lines <- scanner.Text():
		case err := <-failed:
			return err
		}
	}
	close(lines)
	if err := scanner.Err(); err != nil {
		return err
	}
	return <-failed
}

func get(client *http.Client, line string) error {
	url, digest, _ := strings.Cut(line, " ")
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", manifests)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, response.Body); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if got := fmt.Sprintf("sha256:%x", hash.Sum(nil)); got != digest {
		return fmt.Errorf("%s: %s, and the content is %s", url, response.Status, got)
	}
	return nil
}
