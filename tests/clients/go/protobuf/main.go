// Command protobuf reads bodies as client-go does. Each line of the file it is given holds a body
// in protobuf, in base64, and the same object in JSON; both must decode to the same.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	apiregistration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

func main() {
	known := runtime.NewScheme()
	must(scheme.AddToScheme(known))
	must(apiextensions.AddToScheme(known))
	must(apiregistration.AddToScheme(known))
	codecs := serializer.NewCodecFactory(known)
	protobuf, _ := runtime.SerializerInfoForMediaType(
		codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	json, _ := runtime.SerializerInfoForMediaType(
		codecs.SupportedMediaTypes(), runtime.ContentTypeJSON)
	file, err := os.Open(os.Args[1])
	must(err)
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	read, unknown := 0, 0
	for lines.Scan() {
		body, text, _ := strings.Cut(lines.Text(), "\t")
		raw, err := base64.StdEncoding.DecodeString(body)
		must(err)
		expected, kind, err := json.StrictSerializer.Decode([]byte(text), nil, nil)
		if runtime.IsNotRegisteredError(err) {
			fmt.Println("not a kind of client-go:", kind)
			unknown++
			continue
		}
		must(err)
		found, _, err := protobuf.Serializer.Decode(raw, nil, nil)
		must(err)
		if !equality.Semantic.DeepEqual(expected, found) {
			panic(fmt.Sprintf("%s differs:\n%#v\n%#v", kind, expected, found))
		}
		read++
	}
	must(lines.Err())
	fmt.Println(read, "kinds read,", unknown, "unknown")
	if read < 65 {
		panic("too few kinds")
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
