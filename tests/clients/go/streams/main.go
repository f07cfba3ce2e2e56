// Command streams enters pods with client-go: remote commands by WebSocket and by SPDY, ports by
// both, and logs. It ends with an error at the first surprise.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
)

const namespace = "go-streams"

var ctx = context.Background()

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	must(err)
	client := kubernetes.NewForConfigOrDie(config)
	prepare(client)
	for _, way := range []string{"websocket", "spdy"} {
		commands(config, client, way)
		fmt.Println("commands by", way+": ok")
		ports(config, client, way)
		fmt.Println("ports by", way+": ok")
	}
	text, err := client.CoreV1().Pods(namespace).GetLogs("web", &corev1.PodLogOptions{}).DoRaw(ctx)
	must(err)
	check(string(text) == "Mock logs for pod web in container web\n", "log", string(text))
	fmt.Println("logs: ok")
}

func prepare(client kubernetes.Interface) {
	_, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
	}, metav1.CreateOptions{})
	must(err)
	_, err = client.CoreV1().Pods(namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{
			"mockernetes.dev/http.8080": "hello",
			"mockernetes.dev/echo.9000": "yes",
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
	}, metav1.CreateOptions{})
	must(err)
	for range 100 {
		pod, err := client.CoreV1().Pods(namespace).Get(ctx, "web", metav1.GetOptions{})
		must(err)
		if pod.Status.Phase == corev1.PodRunning {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	log.Fatal("the pod does not run")
}

func executor(config *rest.Config, client kubernetes.Interface, way string, argv ...string) remotecommand.Executor {
	url := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name("web").
		SubResource("exec").VersionedParams(&corev1.PodExecOptions{
		Command: argv, Stdin: true, Stdout: true, Stderr: true,
	}, scheme.ParameterCodec).URL()
	if way == "spdy" {
		executor, err := remotecommand.NewSPDYExecutor(config, "POST", url)
		must(err)
		return executor
	}
	executor, err := remotecommand.NewWebSocketExecutor(config, "GET", url.String())
	must(err)
	return executor
}

func commands(config *rest.Config, client kubernetes.Interface, way string) {
	sent := make([]byte, 8<<20)
	_, err := rand.Read(sent)
	must(err)
	var stdout, stderr bytes.Buffer
	must(executor(config, client, way, "cat").StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: bytes.NewReader(sent), Stdout: &stdout, Stderr: &stderr,
	}))
	check(bytes.Equal(stdout.Bytes(), sent), "cat", stdout.Len())
	stdout.Reset()
	err = executor(config, client, way, "sh", "-c", "exit 3").StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
	})
	var code exec.CodeExitError
	check(errors.As(err, &code) && code.Code == 3, "exit code", err)
	err = executor(config, client, way, "nosuch").StreamWithContext(ctx, remotecommand.StreamOptions{
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
	})
	check(err != nil && strings.Contains(err.Error(), "executable file not found"), "no command", err)
}

func ports(config *rest.Config, client kubernetes.Interface, way string) {
	url := client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name("web").
		SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(config)
	must(err)
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", url)
	if way == "websocket" {
		dialer, err = portforward.NewSPDYOverWebsocketDialer(url, config)
		must(err)
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	forwarder, err := portforward.New(dialer, []string{":8080", ":9000"}, stop, ready, io.Discard, io.Discard)
	must(err)
	go func() { must(forwarder.ForwardPorts()) }()
	<-ready
	local, err := forwarder.GetPorts()
	must(err)
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", local[0].Local))
	must(err)
	body, err := io.ReadAll(answer.Body)
	must(err)
	check(string(body) == "hello", "http", string(body))
	socket, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", local[1].Local))
	must(err)
	sent := make([]byte, 8<<20)
	_, err = rand.Read(sent)
	must(err)
	go func() {
		_, err := socket.Write(sent)
		must(err)
	}()
	heard := make([]byte, len(sent))
	_, err = io.ReadFull(socket, heard)
	must(err)
	check(bytes.Equal(heard, sent), "echo", len(heard))
	close(stop)
}

func check(holds bool, what string, found any) {
	if !holds {
		log.Fatalf("%s: %v", what, found)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
