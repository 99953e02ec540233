package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// images is content in memory: manifests by repository, blobs by digest.
type images struct {
	manifests map[string][]byte
	blobs     map[string][]byte
}

// many serves count tiny images, bench/app0 and so on, each of own layers of its own and of
// shared layers from a pool.
func many(listen string, numbers []string) error {
	var shape [4]int
	for i, text := range numbers {
		number, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		shape[i] = number
	}
	content := images{map[string][]byte{}, map[string][]byte{}}
	for i := 0; i < shape[0]; i++ {
		content.add(i, shape[1], shape[2], shape[3])
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "listening")
	return http.Serve(listener, content)
}

func (c images) add(number, own, shared, pool int) {
	layers := make([]descriptor, 0, own+shared)
	for i := 0; i < shared; i++ {
		layers = append(layers, c.blob(layerType, fmt.Sprintf("pool %d", (number+i*53)%pool)))
	}
	for i := 0; i < own; i++ {
		layers = append(layers, c.blob(layerType, fmt.Sprintf("own %d %d", number, i)))
	}
	config := fmt.Sprintf(`{"os":"linux","architecture":"amd64","number":%d}`, number)
	body, _ := json.Marshal(map[string]any{
		"schemaVersion": 2,
		"mediaType":     manifestType,
		"config":        c.blob(configType, config),
		"layers":        layers,
	})
	c.manifests[fmt.Sprintf("bench/app%d", number)] = body
}

func (c images) blob(mediaType, text string) descriptor {
	digest := digestOf([]byte(text))
	c.blobs[digest] = []byte(text)
	return descriptor{mediaType, digest, len(text)}
}

func digestOf(content []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(content))
}

func (c images) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	path := strings.TrimPrefix(request.URL.Path, "/v2/")
	name, kind, id := path, "", ""
	if parts := strings.Split(path, "/"); len(parts) > 2 {
		end := len(parts)
		name, kind, id = strings.Join(parts[:end-2], "/"), parts[end-2], parts[end-1]
	}
	var body []byte
	found := path == ""
	switch kind {
	case "manifests":
		body, found = c.manifests[name]
		answer.Header().Set("Content-Type", manifestType)
		answer.Header().Set("Docker-Content-Digest", digestOf(body))
	case "blobs":
		body, found = c.blobs[id]
	}
	if !found {
		http.Error(answer, "{}", http.StatusNotFound)
		return
	}
	answer.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if request.Method != http.MethodHead {
		answer.Write(body)
	}
}
