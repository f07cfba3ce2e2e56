package main

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// leaderElection has two candidates for one Lease: the second leads when the first lets go.
func leaderElection(config *rest.Config, typed kubernetes.Interface) {
	candidate := func(name string) (chan struct{}, context.CancelFunc) {
		lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace,
			"leader", resourcelock.ResourceLockConfig{Identity: name}, config, 2*time.Second)
		must(err)
		leads := make(chan struct{})
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock:            lock,
			LeaseDuration:   3 * time.Second,
			RenewDeadline:   2 * time.Second,
			RetryPeriod:     50 * time.Millisecond,
			ReleaseOnCancel: true,
			Name:            name,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { close(leads) },
				OnStoppedLeading: func() {},
			},
		})
		must(err)
		own, cancel := context.WithCancel(ctx)
		go elector.Run(own)
		return leads, cancel
	}
	first, stopFirst := candidate("first")
	<-first
	second, stopSecond := candidate("second")
	defer stopSecond()
	select {
	case <-second:
		expect(false, "there is one leader at a time")
	case <-time.After(200 * time.Millisecond):
	}
	stopFirst()
	<-second
	lease, err := typed.CoordinationV1().Leases(namespace).Get(ctx, "leader", metav1.GetOptions{})
	must(err)
	expect(*lease.Spec.HolderIdentity == "second", "the second holds the lease")
	expect(*lease.Spec.LeaseTransitions > 0, "the transition is counted")
}
