// What two clients of containerd do that no program of a package does alone.
//
//	importer SOCKET import FILE      take an archive as k3s takes those of its images folder
//	importer SOCKET status NAME...   for each name of a pod's image: is it there? as a kubelet asks
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	containerd "github.com/containerd/containerd/v2/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 {
		log.Fatal("importer SOCKET import FILE | status NAME...")
	}
	do := map[string]func(string, []string) error{"import": importFile, "status": status}[os.Args[2]]
	if err := do(os.Args[1], os.Args[3:]); err != nil {
		log.Fatal(err)
	}
}

func importFile(socket string, files []string) error {
	client, err := containerd.New(socket, containerd.WithDefaultNamespace("k8s.io"))
	if err != nil {
		return err
	}
	file, err := os.Open(files[0])
	if err != nil {
		return err
	}
	_, err = client.Import(context.Background(), file,
		containerd.WithAllPlatforms(true), containerd.WithSkipMissing())
	return err
}

func status(socket string, names []string) error {
	line, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	for _, name := range names {
		request := &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}}
		answer, err := cri.NewImageServiceClient(line).ImageStatus(context.Background(), request)
		if err != nil {
			return err
		}
		fmt.Println(name, answer.GetImage() != nil)
	}
	return nil
}
