// Command check drives a cluster with client-go as operators do: the dynamic client, typed
// clients, metadata, informers. It ends with an error at the first surprise.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const namespace = "go-client"

var (
	ctx         = context.Background()
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	definitions = schema.GroupVersionResource{
		Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
	}
	gadgets = schema.GroupVersionResource{Group: "go.example.com", Version: "v1", Resource: "gadgets"}
)

func main() {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	must(err)
	config.QPS, config.Burst = -1, -1
	typed := kubernetes.NewForConfigOrDie(config)
	_, err = typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
	}, metav1.CreateOptions{})
	must(err)
	for _, check := range []struct {
		name string
		run  func(*rest.Config, kubernetes.Interface)
	}{
		{"discovery", discovery},
		{"typed client", typedClient},
		{"dynamic client", dynamicClient},
		{"custom resources", customResources},
		{"typed informer", typedInformer},
		{"dynamic informer", dynamicInformer},
		{"metadata informer", metadataInformer},
		{"leader election", leaderElection},
	} {
		check.run(config, typed)
		fmt.Println("ok", check.name)
	}
}

func discovery(_ *rest.Config, typed kubernetes.Interface) {
	_, lists, err := typed.Discovery().ServerGroupsAndResources()
	must(err)
	found := false
	for _, list := range lists {
		for _, resource := range list.APIResources {
			found = found || list.GroupVersion == "apps/v1" && resource.Kind == "Deployment"
		}
	}
	expect(found, "discovery lists deployments")
	version, err := typed.Discovery().ServerVersion()
	must(err)
	expect(version.Minor == "37", "the version is 1.37, not %s", version)
}

func typedClient(_ *rest.Config, typed kubernetes.Interface) {
	maps := typed.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "typed-"},
		Data:       map[string]string{"a": "1"},
	}, metav1.CreateOptions{})
	must(err)
	stale := made.DeepCopy()
	made.Data["a"] = "2"
	_, err = maps.Update(ctx, made, metav1.UpdateOptions{})
	must(err)
	_, err = maps.Update(ctx, stale, metav1.UpdateOptions{})
	expect(apierrors.IsConflict(err), "a stale update conflicts: %v", err)
	_, err = maps.Get(ctx, "missing", metav1.GetOptions{})
	expect(apierrors.IsNotFound(err), "what is missing is not found: %v", err)
	must(maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	list, err := maps.List(ctx, metav1.ListOptions{})
	must(err)
	expect(len(list.Items) == 0, "a collection is deleted: %v", list.Items)
}

func dynamicClient(config *rest.Config, _ kubernetes.Interface) {
	client := dynamic.NewForConfigOrDie(config).Resource(deployments).Namespace(namespace)
	deployment := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "web", "labels": map[string]any{"app": "web"}},
		"spec": map[string]any{
			"replicas": int64(1),
			"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}},
			"template": map[string]any{
				"metadata": map[string]any{"labels": map[string]any{"app": "web"}},
				"spec": map[string]any{"containers": []any{
					map[string]any{"name": "c", "image": "nginx"},
				}},
			},
		},
	}}
	made, err := client.Create(ctx, deployment, metav1.CreateOptions{})
	must(err)
	_, err = client.Create(ctx, deployment, metav1.CreateOptions{})
	expect(apierrors.IsAlreadyExists(err), "a second create is refused: %v", err)

	patch := []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"nginx:2"},
		{"name":"side","image":"busybox"}]}}}}`)
	_, err = client.Patch(ctx, "web", types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	must(err)
	patch = []byte(`[{"op":"replace","path":"/spec/replicas","value":3}]`)
	patched, err := client.Patch(ctx, "web", types.JSONPatchType, patch, metav1.PatchOptions{})
	must(err)
	replicas, _, _ := unstructured.NestedInt64(patched.Object, "spec", "replicas")
	containers, _, _ := unstructured.NestedSlice(patched.Object, "spec", "template", "spec", "containers")
	expect(replicas == 3 && len(containers) == 2, "patches add up: %v", patched.Object["spec"])
	expect(patched.GetGeneration() == 3, "each change counts: %d", patched.GetGeneration())

	_, err = client.Update(ctx, made, metav1.UpdateOptions{})
	expect(apierrors.IsConflict(err), "a stale update conflicts: %v", err)
	unstructured.SetNestedField(patched.Object, int64(2), "status", "replicas")
	patched, err = client.UpdateStatus(ctx, patched, metav1.UpdateOptions{})
	must(err)
	scale, err := client.Get(ctx, "web", metav1.GetOptions{}, "scale")
	must(err)
	replicas, _, _ = unstructured.NestedInt64(scale.Object, "status", "replicas")
	expect(replicas == 2, "the scale shows the status: %v", scale.Object)

	invalid := deployment.DeepCopy()
	invalid.SetName("Not Valid")
	_, err = client.Create(ctx, invalid, metav1.CreateOptions{})
	expect(apierrors.IsInvalid(err), "a bad name is invalid: %v", err)
	must(client.Delete(ctx, "web", metav1.DeleteOptions{}))
	_, err = client.Get(ctx, "web", metav1.GetOptions{})
	expect(apierrors.IsNotFound(err), "what is deleted is gone: %v", err)
}

func customResources(config *rest.Config, _ kubernetes.Interface) {
	client := dynamic.NewForConfigOrDie(config)
	_, err := client.Resource(definitions).Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "gadgets.go.example.com"},
		"spec": map[string]any{
			"group": "go.example.com", "scope": "Namespaced",
			"names": map[string]any{"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object",
					"properties": map[string]any{"spec": map[string]any{
						"type": "object", "required": []any{"size"},
						"properties": map[string]any{
							"size":   map[string]any{"type": "integer", "maximum": int64(9)},
							"colour": map[string]any{"type": "string", "default": "red"},
						},
					}},
				}},
			}},
		},
	}}, metav1.CreateOptions{})
	must(err)
	resource := client.Resource(gadgets).Namespace(namespace)
	eventually("the definition is established", func() bool {
		_, err := resource.List(ctx, metav1.ListOptions{})
		return err == nil
	})
	gadget := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "go.example.com/v1", "kind": "Gadget",
		"metadata": map[string]any{"name": "one"},
		"spec":     map[string]any{"size": int64(10)},
	}}
	_, err = resource.Create(ctx, gadget, metav1.CreateOptions{})
	expect(apierrors.IsInvalid(err), "a size of ten is too much: %v", err)
	unstructured.SetNestedField(gadget.Object, int64(3), "spec", "size")
	made, err := resource.Create(ctx, gadget, metav1.CreateOptions{})
	must(err)
	colour, _, _ := unstructured.NestedString(made.Object, "spec", "colour")
	expect(colour == "red", "defaults are filled in: %v", made.Object)
}

func typedInformer(_ *rest.Config, typed kubernetes.Interface) {
	factory := informers.NewSharedInformerFactoryWithOptions(
		typed, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Secrets().Informer()
	exercise(informer, func() {
		secrets := typed.CoreV1().Secrets(namespace)
		made, err := secrets.Create(ctx, &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: "seen"},
		}, metav1.CreateOptions{})
		must(err)
		made.StringData = map[string]string{"a": "b"}
		_, err = secrets.Update(ctx, made, metav1.UpdateOptions{})
		must(err)
		must(secrets.Delete(ctx, "seen", metav1.DeleteOptions{}))
	})
}

func dynamicInformer(config *rest.Config, _ kubernetes.Interface) {
	client := dynamic.NewForConfigOrDie(config)
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, nil)
	exercise(factory.ForResource(gadgets).Informer(), func() {
		resource := client.Resource(gadgets).Namespace(namespace)
		changed(resource, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "go.example.com/v1", "kind": "Gadget",
			"metadata": map[string]any{"name": "seen"}, "spec": map[string]any{"size": int64(1)},
		}})
	})
}

func metadataInformer(config *rest.Config, _ kubernetes.Interface) {
	factory := metadatainformer.NewFilteredSharedInformerFactory(
		metadata.NewForConfigOrDie(config), 0, namespace, nil)
	exercise(factory.ForResource(configMaps).Informer(), func() {
		resource := dynamic.NewForConfigOrDie(config).Resource(configMaps).Namespace(namespace)
		changed(resource, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "seen"},
		}})
	})
}

// changed makes an object, labels it and deletes it.
func changed(resource dynamic.ResourceInterface, object *unstructured.Unstructured) {
	_, err := resource.Create(ctx, object, metav1.CreateOptions{})
	must(err)
	patch := []byte(`{"metadata":{"labels":{"a":"b"}}}`)
	_, err = resource.Patch(ctx, "seen", types.MergePatchType, patch, metav1.PatchOptions{})
	must(err)
	must(resource.Delete(ctx, "seen", metav1.DeleteOptions{}))
}

// exercise runs an informer while something is made, changed and deleted, and expects to see all.
func exercise(informer cache.SharedIndexInformer, act func()) {
	var lock sync.Mutex
	var events []string
	note := func(event string, object any) {
		if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = tombstone.Obj
		}
		if object.(metav1.Object).GetName() == "seen" {
			lock.Lock()
			defer lock.Unlock()
			events = append(events, event)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { note("add", object) },
		UpdateFunc: func(_, object any) { note("update", object) },
		DeleteFunc: func(object any) { note("delete", object) },
	})
	must(err)
	stop := make(chan struct{})
	defer close(stop)
	go informer.Run(stop)
	eventually("the informer syncs", informer.HasSynced)
	act()
	eventually("the informer sees add, update, delete", func() bool {
		lock.Lock()
		defer lock.Unlock()
		return fmt.Sprint(events) == "[add update delete]"
	})
}

func eventually(what string, isSo func() bool) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if isSo() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	log.Fatalf("not within ten seconds: %s", what)
}

func expect(isSo bool, what string, arguments ...any) {
	if !isSo {
		log.Fatalf("unexpected: "+what, arguments...)
	}
}

func must(err error) {
	if err != nil {
		log.Panicf("unexpected error: %v", err)
	}
}
