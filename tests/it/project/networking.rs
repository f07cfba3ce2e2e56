//! Namespaces, policies, services and ingresses of a project.

use serde_json::{Value, json};

use super::{NAMESPACE, Platform};

fn policy() -> Value {
    json!({
        "metadata": {"name": "isolation"},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [{"podSelector": {}}]},
                {"from": [{"namespaceSelector": {"matchLabels": {"app": "ingress-nginx"}}}]},
            ],
            "egress": [
                {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
                {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]},
                {"to": [{"podSelector": {}}]},
            ],
        },
    })
}

fn ingress(name: &str, host: &str) -> Value {
    json!({
        "metadata": {"name": name, "annotations": {
            "cert-manager.io/cluster-issuer": "letsencrypt",
            "nginx.ingress.kubernetes.io/auth-url": "http://api/api/auth/verify-access",
            "nginx.ingress.kubernetes.io/proxy-http-version": "1.1",
            "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
            "nginx.ingress.kubernetes.io/websocket-services": name,
            "nginx.ingress.kubernetes.io/enable-cors": "true",
            "nginx.ingress.kubernetes.io/limit-rps": "50",
        }},
        "spec": {
            "ingressClassName": "nginx",
            "tls": [{"hosts": [host], "secretName": "wildcard"}],
            "rules": [{"host": host, "http": {"paths": [{
                "path": "/",
                "pathType": "Prefix",
                "backend": {"service": {"name": name, "port": {"number": 3000}}},
            }]}}],
        },
    })
}

fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 3000, "targetPort": 3000}]},
    })
}

#[tokio::test]
async fn test_get_project_namespace_with_feature_enabled() {
    let platform = Platform::start().await;
    let namespaces = platform.cluster.client().api("v1", "namespaces");
    let found = namespaces.get(NAMESPACE).await.unwrap();
    assert_eq!(found["status"]["phase"], "Active");
}

#[tokio::test]
async fn test_create_namespace_with_labels() {
    let platform = Platform::start().await;
    let namespaces = platform.cluster.client().api("v1", "namespaces");
    let labels = namespaces.get(NAMESPACE).await.unwrap()["metadata"]["labels"].clone();
    assert_eq!(labels["managed-by"], "orchestrator");
    assert_eq!(labels["kubernetes.io/metadata.name"], NAMESPACE);
}

#[tokio::test]
async fn test_create_network_policy_for_namespace() {
    let platform = Platform::start().await;
    let group = "networking.k8s.io/v1";
    let created = platform.create(group, "networkpolicies", policy()).await;
    assert_eq!(created["spec"]["policyTypes"], json!(["Ingress", "Egress"]));
}

#[tokio::test]
async fn test_network_policy_egress_rules() {
    let platform = Platform::start().await;
    let group = "networking.k8s.io/v1";
    let created = platform.create(group, "networkpolicies", policy()).await;
    assert_eq!(created["spec"]["egress"][0]["ports"][0]["port"], 53);
    let block = &created["spec"]["egress"][1]["to"][0]["ipBlock"];
    assert_eq!(block["except"], json!(["10.0.0.0/8"]));
}

#[tokio::test]
async fn test_network_policy_allows_pod_to_pod() {
    let platform = Platform::start().await;
    let group = "networking.k8s.io/v1";
    let created = platform.create(group, "networkpolicies", policy()).await;
    assert_eq!(
        created["spec"]["ingress"][0]["from"][0]["podSelector"],
        json!({})
    );
}

#[tokio::test]
async fn test_create_service_for_deployment() {
    let platform = Platform::start().await;
    platform.deploy(1).await;
    let created = platform.create("v1", "services", service("web")).await;
    assert_eq!(created["spec"]["type"], "ClusterIP");
    let group = "discovery.k8s.io/v1";
    let slices = platform.list(group, "endpointslices", "").await;
    let address = &platform.pod("web").await["status"]["podIP"];
    assert_eq!(&slices[0]["endpoints"][0]["addresses"][0], address);
}

#[tokio::test]
async fn test_ingress_has_auth_annotations() {
    let platform = Platform::start().await;
    let group = "networking.k8s.io/v1";
    let own = ingress("web", "web.example.com");
    let created = platform.create(group, "ingresses", own).await;
    let annotations = &created["metadata"]["annotations"];
    let url = &annotations["nginx.ingress.kubernetes.io/auth-url"];
    assert_eq!(url, "http://api/api/auth/verify-access");
    assert_eq!(created["spec"]["tls"][0]["secretName"], "wildcard");
}

#[tokio::test]
async fn test_ingress_websocket_support() {
    let platform = Platform::start().await;
    let group = "networking.k8s.io/v1";
    let own = ingress("web", "web.example.com");
    let created = platform.create(group, "ingresses", own).await;
    let annotations = &created["metadata"]["annotations"];
    let timeout = &annotations["nginx.ingress.kubernetes.io/proxy-read-timeout"];
    assert_eq!(timeout, "3600");
}

#[tokio::test]
async fn test_multiple_ingresses_for_containers() {
    let platform = Platform::start().await;
    let group = "networking.k8s.io/v1";
    for name in ["web", "api"] {
        let own = ingress(name, &format!("{name}.example.com"));
        platform.create(group, "ingresses", own).await;
    }
    let found = platform.list(group, "ingresses", "").await;
    let hosts: Vec<&str> = found
        .iter()
        .filter_map(|one| one["spec"]["rules"][0]["host"].as_str())
        .collect();
    assert_eq!(hosts, ["api.example.com", "web.example.com"]);
}

#[tokio::test]
async fn test_containers_can_reach_each_other_via_dns() {
    let platform = Platform::start().await;
    let created = platform.create("v1", "services", service("api")).await;
    platform.deploy(1).await;
    let ran = platform
        .sh(
            "web",
            "echo $API_SERVICE_HOST:$API_SERVICE_PORT; grep search /etc/resolv.conf",
        )
        .await;
    let address = created["spec"]["clusterIP"].as_str().unwrap();
    assert_eq!(
        ran.out,
        format!(
            "{address}:3000\nsearch {NAMESPACE}.svc.cluster.local svc.cluster.local cluster.local\n"
        )
    );
}
