//! Services: addresses and ports are taken, kept and given back.

use mockernetes::client::PatchKind;
use mockernetes::cluster::Cluster;
use mockernetes::registry::Settings;
use serde_json::{Value, json};

use super::{causes, texts};
use crate::support::{self, Fixture};

fn service(name: &str, spec: &Value) -> Value {
    json!({"metadata": {"name": name}, "spec": spec})
}

/// A cluster with so many addresses for services.
async fn cluster_of(range: &str) -> Fixture {
    let settings = Settings {
        service_cluster_ip_ranges: range.split(',').map(str::to_owned).collect(),
        ..Settings::default()
    };
    support::start(Cluster::builder().settings(settings)).await
}

#[tokio::test]
async fn a_service_gets_an_address_and_what_follows_from_it() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let made = services
        .create(&service("a", &json!({"ports": [{"port": 80}]})))
        .await
        .unwrap();
    let spec = &made["spec"];
    assert_eq!(
        texts(&spec["clusterIPs"]),
        [spec["clusterIP"].as_str().unwrap()]
    );
    assert!(spec["clusterIP"].as_str().unwrap().starts_with("10.0.0."));
    assert_eq!(texts(&spec["ipFamilies"]), ["IPv4"]);
    assert_eq!(spec["ipFamilyPolicy"], "SingleStack");
    assert_eq!(spec["internalTrafficPolicy"], "Cluster");
    assert_eq!(
        spec["ports"][0],
        json!({"port": 80, "protocol": "TCP", "targetPort": 80})
    );
}

#[tokio::test]
async fn an_address_is_given_once_and_given_back_by_deletion() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let spec = json!({"clusterIP": "10.0.0.9", "ports": [{"port": 80}]});
    services.create(&service("a", &spec)).await.unwrap();
    let refused = services.create(&service("b", &spec)).await.unwrap_err();
    assert_eq!(refused.code, 422);
    assert_eq!(causes(&refused), ["spec.clusterIPs"]);
    services.delete("a").await.unwrap();
    services.create(&service("b", &spec)).await.unwrap();
}

#[tokio::test]
async fn a_small_range_is_used_up_and_no_further() {
    // Six usable addresses, of which one is the API's own.
    let fixture = cluster_of("10.1.0.0/29").await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let spec = json!({"ports": [{"port": 80}]});
    let mut seen = vec!["10.1.0.1".to_owned()];
    for name in ["a", "b", "c", "d", "e"] {
        let made = services.create(&service(name, &spec)).await.unwrap();
        let address = made["spec"]["clusterIP"].as_str().unwrap().to_owned();
        assert!(!seen.contains(&address), "{address} twice");
        seen.push(address);
    }
    let refused = services.create(&service("f", &spec)).await.unwrap_err();
    assert_eq!(refused.code, 500);
    services.delete("c").await.unwrap();
    services.create(&service("f", &spec)).await.unwrap();
}

#[tokio::test]
async fn a_dual_stack_cluster_gives_one_address_of_each_family() {
    let fixture = cluster_of("10.1.0.0/24,fd00::/112").await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let spec = json!({"ipFamilyPolicy": "PreferDualStack", "ports": [{"port": 80}]});
    let made = services.create(&service("a", &spec)).await.unwrap();
    assert_eq!(texts(&made["spec"]["ipFamilies"]), ["IPv4", "IPv6"]);
    let addresses = texts(&made["spec"]["clusterIPs"]);
    assert!(addresses[0].starts_with("10.1.0."), "{addresses:?}");
    assert!(addresses[1].starts_with("fd00::"), "{addresses:?}");
}

#[tokio::test]
async fn ports_of_one_number_share_a_node_port() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let spec = json!({"type": "NodePort", "ports": [
        {"name": "t", "port": 53, "protocol": "TCP"},
        {"name": "u", "port": 53, "protocol": "UDP"},
        {"name": "o", "port": 54},
    ]});
    let made = services.create(&service("a", &spec)).await.unwrap();
    let port = |index: usize| made["spec"]["ports"][index]["nodePort"].as_i64().unwrap();
    assert!((30000..=32767).contains(&port(0)));
    assert_eq!(port(0), port(1));
    assert_ne!(port(0), port(2));
}

#[tokio::test]
async fn an_update_that_leaves_out_what_was_given_keeps_it() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let spec = json!({"type": "NodePort", "ports": [{"port": 80}]});
    let made = services.create(&service("a", &spec)).await.unwrap();
    let again = services.update(&service("a", &spec)).await.unwrap();
    assert_eq!(again["spec"], made["spec"]);
}

#[tokio::test]
async fn an_address_cannot_change_while_the_service_has_one() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let mut made = services
        .create(&service("a", &json!({"ports": [{"port": 80}]})))
        .await
        .unwrap();
    made["spec"]["clusterIP"] = "10.0.0.5".into();
    made["spec"]["clusterIPs"] = json!(["10.0.0.5"]);
    let refused = services.update(&made).await.unwrap_err();
    assert_eq!(
        (refused.code, causes(&refused)),
        (422, vec!["spec.clusterIPs[0]"])
    );
}

#[tokio::test]
async fn a_service_becomes_a_name_and_its_address_is_free() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let spec = json!({"clusterIP": "10.0.0.9", "ports": [{"port": 80}]});
    services.create(&service("a", &spec)).await.unwrap();
    let name = json!({"type": "ExternalName", "externalName": "x.example.com"});
    let named = services.update(&service("a", &name)).await.unwrap();
    assert!(named["spec"].get("clusterIP").is_none(), "{named}");
    services.create(&service("b", &spec)).await.unwrap();
}

#[tokio::test]
async fn every_cause_is_told() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let spec = json!({
        "sessionAffinity": "Maybe",
        "ports": [{"port": 0}, {"port": 70000, "protocol": "X"}],
    });
    let refused = services.create(&service("a", &spec)).await.unwrap_err();
    assert_eq!(
        causes(&refused),
        [
            "spec.ports[0].name",
            "spec.ports[0].port",
            "spec.ports[0].targetPort",
            "spec.ports[1].name",
            "spec.ports[1].port",
            "spec.ports[1].protocol",
            "spec.ports[1].targetPort",
            "spec.sessionAffinity",
        ]
    );
}

#[tokio::test]
async fn each_cluster_ip_is_an_object_as_long_as_its_service_has_it() {
    let fixture = cluster_of("10.1.0.0/24,fd00::/112").await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let addresses = fixture.client.api("networking.k8s.io/v1", "ipaddresses");
    let spec = json!({
        "clusterIP": "10.1.0.9",
        "ipFamilyPolicy": "RequireDualStack",
        "ports": [{"port": 80}],
    });
    let made = services.create(&service("a", &spec)).await.unwrap();
    let second = made["spec"]["clusterIPs"][1].as_str().unwrap();
    for (name, family) in [("10.1.0.9", "IPv4"), (second, "IPv6")] {
        let address = addresses.get(name).await.unwrap();
        assert_eq!(
            address["metadata"]["labels"],
            json!({
                "ipaddress.kubernetes.io/ip-family": family,
                "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
            })
        );
        assert_eq!(
            address["spec"]["parentRef"],
            json!({"resource": "services", "namespace": "default", "name": "a"})
        );
        let manager = &address["metadata"]["managedFields"][0]["manager"];
        assert_eq!(manager, "kube-apiserver");
    }
    let outside = json!({"spec": {
        "type": "ExternalName", "externalName": "x.example", "clusterIP": null,
        "clusterIPs": null, "ipFamilies": null, "ipFamilyPolicy": null, "ports": null,
    }});
    services
        .patch("a", PatchKind::Merge, &outside)
        .await
        .unwrap();
    for name in ["10.1.0.9", second] {
        assert_eq!(addresses.get(name).await.unwrap_err().code, 404);
    }
    addresses.get("10.1.0.1").await.unwrap();
}

#[tokio::test]
async fn an_address_that_somebody_wrote_down_is_given_to_no_service() {
    let fixture = support::cluster().await;
    let services = fixture.client.api("v1", "services").namespace("default");
    let addresses = fixture.client.api("networking.k8s.io/v1", "ipaddresses");
    let parent = json!({"resource": "services", "namespace": "default", "name": "other"});
    let address = json!({"metadata": {"name": "10.0.0.9"}, "spec": {"parentRef": parent}});
    addresses.create(&address).await.unwrap();
    let spec = json!({"clusterIP": "10.0.0.9", "ports": [{"port": 80}]});
    let refused = services.create(&service("a", &spec)).await.unwrap_err();
    assert_eq!(causes(&refused), ["spec.clusterIPs"]);
    addresses.delete("10.0.0.9").await.unwrap();
    services.create(&service("a", &spec)).await.unwrap();
    addresses.get("10.0.0.9").await.unwrap();
    services.delete("a").await.unwrap();
    assert_eq!(addresses.get("10.0.0.9").await.unwrap_err().code, 404);
}
