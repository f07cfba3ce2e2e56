// Starts environments, and says how long that took (start N) or what they weigh together
// (together N), or uses one as suites do (uses N).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

func main() {
	count, err := strconv.Atoi(os.Args[2])
	must(err)
	switch os.Args[1] {
	case "start":
		start(count)
	case "together":
		together(count)
	case "uses":
		for range count {
			uses()
		}
	}
}

// start starts and stops one environment after the other.
func start(count int) {
	var starts, stops []time.Duration
	for range count {
		environment := &envtest.Environment{}
		began := time.Now()
		_, err := environment.Start()
		must(err)
		starts = append(starts, time.Since(began))
		began = time.Now()
		must(environment.Stop())
		stops = append(stops, time.Since(began))
	}
	fmt.Printf("%d times: start %s, stop %s\n", count, spread(starts), spread(stops))
}

// spread is a distribution in words.
func spread(times []time.Duration) string {
	slices.Sort(times)
	at := func(share float64) int64 {
		return times[int(share*float64(len(times)-1))].Milliseconds()
	}
	return fmt.Sprintf("min %d median %d p90 %d max %d ms", at(0), at(0.5), at(0.9), at(1))
}

// together starts environments at once.
func together(count int) {
	environments := make([]envtest.Environment, count)
	var started sync.WaitGroup
	for index := range environments {
		started.Go(func() {
			_, err := environments[index].Start()
			must(err)
		})
	}
	started.Wait()
	// A second of rest, in which nothing more is to come.
	time.Sleep(time.Second)
	var rss, pss int
	for _, process := range children() {
		rss += kib(process, "Rss:")
		pss += kib(process, "Pss:")
	}
	fmt.Printf("%d at once: rss %.1f MiB, pss %.1f MiB\n",
		count, float64(rss)/1024, float64(pss)/1024)
	for index := range environments {
		must(environments[index].Stop())
	}
}

// uses asks of one environment what suites ask of theirs beside objects.
func uses() {
	environment := &envtest.Environment{AttachControlPlaneOutput: true}
	server := environment.ControlPlane.GetAPIServer()
	server.Err, server.Out = io.Discard, io.Discard
	server.Configure().
		Set("authorization-mode", "Node", "RBAC").
		Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement").
		Append("runtime-config", "api/beta=true").
		Append("v", "2").
		Enable("profiling")
	config, err := environment.Start()
	must(err)
	admin := kubernetes.NewForConfigOrDie(config)
	background := context.Background()

	// A user of one's own may do what a role gives, and nothing else.
	user, err := environment.AddUser(envtest.User{Name: "reader", Groups: []string{"readers"}}, nil)
	must(err)
	reader := kubernetes.NewForConfigOrDie(user.Config())
	_, err = reader.CoreV1().Secrets("default").List(background, metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		panic(fmt.Sprint("not forbidden: ", err))
	}
	_, err = admin.RbacV1().ClusterRoles().Create(background, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "reads"},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"configmaps", "pods"}, Verbs: []string{"get", "list"},
		}},
	}, metav1.CreateOptions{})
	must(err)
	_, err = admin.RbacV1().ClusterRoleBindings().Create(background, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "readers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "reads"},
		Subjects:   []rbacv1.Subject{{Kind: "Group", Name: "readers", APIGroup: rbacv1.GroupName}},
	}, metav1.CreateOptions{})
	must(err)
	granted := false
	for range 100 {
		_, err = reader.CoreV1().ConfigMaps("default").List(background, metav1.ListOptions{})
		if granted = err == nil; granted {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if !granted {
		panic(err)
	}
	nobody := rest.AnonymousClientConfig(config)
	_, err = kubernetes.NewForConfigOrDie(nobody).CoreV1().Pods("default").List(
		background, metav1.ListOptions{})
	if !apierrors.IsForbidden(err) && !apierrors.IsUnauthorized(err) {
		panic(fmt.Sprint("not refused: ", err))
	}

	_, err = admin.CoreV1().Pods("default").Create(background, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "one"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "busybox"}}},
	}, metav1.CreateOptions{})
	must(err)

	// kubectl is the one that is installed.
	if kubectl, err := user.Kubectl(); err == nil && os.Getenv("WITH_KUBECTL") != "" {
		out, _, err := kubectl.Run("get", "pods", "--output=name")
		must(err)
		text, err := io.ReadAll(out)
		must(err)
		if string(text) != "pod/one\n" {
			panic(string(text))
		}
	}

	// Stopped, it leaves nothing behind, and starts again.
	folders := []string{server.CertDir, environment.ControlPlane.Etcd.DataDir}
	must(environment.Stop())
	for _, folder := range folders {
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			panic(fmt.Sprint("left behind: ", folder))
		}
	}
	if left := children(); len(left) != 0 {
		panic(fmt.Sprint("still running: ", left))
	}
	_, err = environment.Start()
	must(err)
	must(environment.Stop())
}

// children are the processes that this one started.
func children() []string {
	var found []string
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		status, _ := os.ReadFile(filepath.Join(folder, "status"))
		if strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) {
			found = append(found, folder)
		}
	}
	return found
}

// kib is a line of a process's memory map, in KiB.
func kib(process, field string) int {
	text, err := os.ReadFile(filepath.Join(process, "smaps_rollup"))
	must(err)
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, field); found {
			value, err := strconv.Atoi(strings.Fields(rest)[0])
			must(err)
			return value
		}
	}
	return 0
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
