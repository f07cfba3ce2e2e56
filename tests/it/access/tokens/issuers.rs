//! Tokens of other issuers, as an `AuthenticationConfiguration` describes them.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mockernetes::auth::Mode;
use mockernetes::auth::jwt::settings;
use mockernetes::auth::service_account::keys::SigningKey;
use mockernetes::cluster::Cluster;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
};
use serde_json::{Value, json};

use crate::access::asked;
use crate::support::{Fixture, Hook, start};

/// An issuer, its key, and a cluster that knows it.
struct World {
    fixture: Fixture,
    url: String,
    key: SigningKey,
    _hook: Hook,
}

impl World {
    async fn new(described: Value) -> Self {
        Self::of_keys(described, Vec::new()).await
    }

    /// The same where the issuer has more keys.
    async fn of_keys(described: Value, mut keys: Vec<Value>) -> Self {
        let key = SigningKey::generate().unwrap();
        let said: Arc<OnceLock<Value>> = Arc::default();
        let says = Arc::clone(&said);
        // One document stands for both: where the keys are, and the keys.
        let hook = Hook::raw(move |_| (200, says.get().unwrap().to_string())).await;
        let url = format!("https://127.0.0.1:{}", hook.port);
        keys.push(key.public.jwk());
        let document = json!({
            "issuer": url, "jwks_uri": format!("{url}/keys"), "keys": keys,
        });
        said.set(document).unwrap();
        let mut entry = described;
        entry["issuer"] = json!({
            "url": url, "certificateAuthority": hook.ca_pem, "audiences": ["here"],
        });
        let issuers = settings(&[entry], &[]).unwrap();
        let builder = Cluster::builder().auth(Mode::Rbac).issuers(issuers);
        let fixture = start(builder).await;
        Self {
            fixture,
            url,
            key,
            _hook: hook,
        }
    }

    /// A token that says this beside what all say.
    fn token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": self.url, "aud": ["here", "elsewhere"], "sub": "jane",
            "exp": Timestamp::now().as_second() + 600,
        });
        for (claim, value) in more.as_object().unwrap() {
            claims[claim] = value.clone();
        }
        self.key.sign(&claims).unwrap()
    }

    /// Who a token is said to be, or why it is nobody's.
    async fn review(&self, token: &str) -> Value {
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        let object = json!({"spec": {"token": token}});
        let client = &self.fixture.client;
        let mut review = client.json("POST", path, Some(&object)).await.unwrap();
        review["status"].take()
    }

    async fn error(&self, more: Value) -> String {
        let status = self.review(&self.token(&more)).await;
        assert_eq!(status["user"], json!({}), "{status}");
        status["error"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn claims_are_mapped_to_who_asks() {
    let world = World::new(json!({"claimMappings": {
        "username": {"claim": "sub", "prefix": "ext:"},
        "groups": {"claim": "roles", "prefix": "ext:"},
        "uid": {"claim": "id"},
    }}))
    .await;
    let token = world.token(&json!({"roles": ["dev", "ops"], "id": "7", "jti": "abc"}));
    let expected = json!({
        "username": "ext:jane",
        "uid": "7",
        "groups": ["ext:dev", "ext:ops", "system:authenticated"],
        "extra": {"authentication.kubernetes.io/credential-id": ["JTI=abc"]},
    });
    assert_eq!(world.review(&token).await["user"], expected);
    let client = world.fixture.cluster.anonymous_client();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let (code, message) = asked(&client, "GET", "/api/v1/nodes", &headers, "").await;
    assert_eq!(code, 403);
    assert!(
        message.contains("User \"ext:jane\" cannot list"),
        "{message}"
    );
    let one = world.token(&json!({"roles": "dev", "id": "7"}));
    let groups = json!(["ext:dev", "system:authenticated"]);
    assert_eq!(world.review(&one).await["user"]["groups"], groups);
}

#[tokio::test]
async fn expressions_map_claims_and_judge_them() {
    let world = World::new(json!({
        "claimValidationRules": [
            {"claim": "hd", "requiredValue": "example.com"},
            {"expression": "claims.exp - claims.iat <= 3600", "message": "too long"},
        ],
        "claimMappings": {
            "username": {"expression": "claims.email_verified ? claims.email : ''"},
            "groups": {"expression": "claims.roles.split(',')"},
            "extra": [{"key": "example.com/team", "valueExpression": "claims.?team.orValue('')"}],
        },
        "userValidationRules": [
            {"expression": "!user.username.startsWith('system:')", "message": "reserved"},
        ],
    }))
    .await;
    let now = Timestamp::now().as_second();
    let good = json!({
        "email": "j@example.com", "email_verified": true, "roles": "a,b", "hd": "example.com",
        "iat": now,
    });
    let with = |claim: &str, value: Value| {
        let mut claims = good.clone();
        claims[claim] = value;
        claims
    };
    let user = world
        .review(&world.token(&with("team", "blue".into())))
        .await;
    let expected = json!({
        "username": "j@example.com",
        "groups": ["a", "b", "system:authenticated"],
        "extra": {"example.com/team": ["blue"]},
    });
    assert_eq!(user["user"], expected);
    for (claim, value, expected) in [
        (
            "hd",
            json!("else.com"),
            "required claim hd value does not match. Got = else.com",
        ),
        (
            "iat",
            json!(now - 7200),
            "validation expression 'claims.exp - claims.iat <= 3600' failed: too long",
        ),
        (
            "email_verified",
            json!(false),
            "empty username via CEL expression is not allowed",
        ),
        (
            "email",
            json!("system:admin"),
            "validation expression '!user.username.startsWith('system:')' failed: reserved",
        ),
    ] {
        let error = world.error(with(claim, value)).await;
        assert!(error.contains(expected), "{claim}: {error}");
    }
}

#[tokio::test]
async fn tokens_count_for_here_and_now_and_by_a_known_key() {
    let world = World::new(json!({"claimMappings": {
        "username": {"claim": "email", "prefix": ""},
    }}))
    .await;
    let now = Timestamp::now().as_second();
    let jane = "j@example.com";
    for (claims, expected) in [
        (
            json!({"email": jane, "aud": "elsewhere"}),
            "expected audience \"here\"",
        ),
        (
            json!({"email": jane, "exp": now - 1}),
            "token is expired (Token Expiry: ",
        ),
        (
            json!({"email": jane, "nbf": now + 900}),
            "before the nbf (not before) time",
        ),
        (
            json!({"email": jane, "email_verified": false}),
            "email not verified",
        ),
        (
            json!({}),
            "parse username claims \"email\": claim not present",
        ),
        (
            json!({"email": 7}),
            "parse username claims \"email\": json: cannot unmarshal number into Go value",
        ),
    ] {
        let error = world.error(claims).await;
        assert!(error.contains(expected), "{error}");
    }
    let stranger = SigningKey::generate().unwrap();
    let claims = json!({"iss": world.url, "aud": "here", "email": jane, "exp": now + 60});
    let status = world.review(&stranger.sign(&claims).unwrap()).await;
    let error = status["error"].as_str().unwrap();
    assert!(
        error.contains("failed to verify id token signature"),
        "{error}"
    );
    let whole = world.token(&json!({"email": jane}));
    assert_eq!(world.review(&whole).await["user"]["username"], jane);
    // Of an issuer nobody knows nothing is said.
    let claims = json!({"iss": "https://else", "aud": "here", "email": jane, "exp": now + 60});
    let status = world.review(&world.key.sign(&claims).unwrap()).await;
    assert_ne!(status["authenticated"], true);
}

#[test]
fn issuers_are_refused_for_every_cause() {
    let entry = json!({
        "issuer": {"url": "http://a@b/?q", "discoveryURL": "http://a@b?q", "audiences": ["x", "x"]},
        "claimValidationRules": [{}, {"claim": "a", "message": "m"}, {"expression": "1"}],
        "claimMappings": {
            "username": {"expression": "claims.email"},
            "groups": {"claim": "g"},
            "uid": {"claim": "a", "expression": "b"},
            "extra": [
                {"key": "Foo", "valueExpression": "claims.a"},
                {"key": "a.k8s.io/b", "valueExpression": "nope"},
                // What a claim is, is not known beforehand.
                {"key": "a.example/c", "valueExpression": "claims.a.map(x, x)"},
            ],
        },
        "userValidationRules": [{"expression": "user.nope == ''"}, {}],
    });
    let errors = settings(&[entry], &["http://a@b/?q".to_owned()]).unwrap_err();
    let found: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.field, error.body()))
        .collect();
    for expected in [
        "jwt[0].issuer.url: Invalid value: \"http://a@b/?q\": URL must not overlap with disallowed",
        "jwt[0].issuer.url: Invalid value: \"http://a@b/?q\": URL scheme must be https",
        "jwt[0].issuer.url: Invalid value: \"http://a@b/?q\": URL must not contain a username",
        "jwt[0].issuer.url: Invalid value: \"http://a@b/?q\": URL must not contain a query",
        "jwt[0].issuer.discoveryURL: Invalid value: \"http://a@b?q\": URL scheme must be https",
        "jwt[0].issuer.audiences[1]: Duplicate value: \"x\"",
        "jwt[0].issuer.audienceMatchPolicy: Invalid value: \"\": audienceMatchPolicy must be Match",
        "jwt[0].claimValidationRules[0]: Required value: claim or expression is required",
        "jwt[0].claimValidationRules[1].message: Invalid value: \"m\": may not be specified when",
        "jwt[0].claimValidationRules[2].expression: Invalid value: \"1\": must evaluate to bool",
        "jwt[0].claimMappings.groups.prefix: Required value: prefix is required when claim is set",
        "jwt[0].claimMappings.uid: Invalid value: \"\": claim and expression can't both be set",
        "jwt[0].claimMappings.extra[0].key: Invalid value: \"Foo\": must be a domain-prefixed path",
        "jwt[0].claimMappings.extra[0].key: Invalid value: \"Foo\": must be lowercase",
        "jwt[0].claimMappings.extra[1].key: Invalid value: \"a.k8s.io/b\": k8s.io, kubernetes.io",
        "jwt[0].claimMappings.extra[1].valueExpression: Invalid value: \"nope\": compilation failed",
        "jwt[0].claimMappings.extra[2].valueExpression: Invalid value: \"claims.a.map(x, x)\": com",
        "jwt[0].claimMappings.username.expression: Invalid value: \"claims.email\": claims.email_ve",
        "jwt[0].userValidationRules[0].expression: Invalid value: \"user.nope == ''\": compilation",
        "jwt[0].userValidationRules[1].expression: Required value",
    ] {
        assert!(
            found.iter().any(|one| one.starts_with(expected)),
            "{expected} in {found:#?}"
        );
    }
}

#[tokio::test]
async fn who_says_nothing_is_let_in_at_the_paths_that_say_so() {
    let builder = Cluster::builder().auth(Mode::Rbac);
    let builder = builder.anonymous_paths(vec!["/healthz".to_owned()]);
    let fixture = start(builder).await;
    let client = fixture.cluster.anonymous_client();
    for (path, code) in [("/healthz", 200), ("/livez", 401), ("/healthz/ping", 401)] {
        assert_eq!(
            client.request("GET", path, &[], "").await.code,
            code,
            "{path}"
        );
    }
}

/// A key by which a test signs whatever it likes.
struct OwnKey(EcdsaKeyPair);

impl OwnKey {
    const ALGORITHM: &EcdsaSigningAlgorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;

    fn new() -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(Self::ALGORITHM, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(Self::ALGORITHM, document.as_ref(), &random);
        Self(pair.unwrap())
    }

    fn jwk(&self) -> Value {
        let [x, y] = [1..33, 33..65].map(|part| encode(&self.0.public_key().as_ref()[part]));
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": "own", "x": x, "y": y})
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
        let text = format!("{header}.{claims}");
        let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encode(signature.as_ref()))
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A cluster whose issuer has a key of the test's own, a header, and claims that are right.
async fn with_own_key() -> (World, OwnKey, Value, Value) {
    let key = OwnKey::new();
    let described = json!({"claimMappings": {
        "username": {"claim": "sub", "prefix": ""},
        "groups": {"claim": "groups", "prefix": ""},
    }});
    let world = World::of_keys(described, vec![key.jwk()]).await;
    let header = json!({"alg": "ES256", "kid": "own"});
    let end = Timestamp::now().as_second() + 600;
    let claims = json!({"iss": world.url, "aud": "here", "sub": "jane", "exp": end});
    (world, key, header, claims)
}

/// An object with parts of it changed.
fn changed(value: &Value, part: &Value) -> Value {
    let mut value = value.clone();
    let part = part.as_object().unwrap().clone();
    value.as_object_mut().unwrap().extend(part);
    value
}

#[tokio::test]
async fn a_token_whose_header_asks_for_more_is_refused() {
    let (world, key, header, claims) = with_own_key().await;
    let of_header = |part: Value| key.sign(&changed(&header, &part), &claims);
    for (token, expected) in [
        (
            of_header(json!({"crit": ["x"], "x": 1})),
            "failed to verify id token signature",
        ),
        (
            of_header(json!({"b64": false})),
            "failed to verify id token signature",
        ),
        (
            of_header(json!({"alg": "none"})),
            "expected [\"ES256\" \"ES384\" \"ES512\" \"PS256\" \"PS384\" \"PS512\" \"RS256\" \
             \"RS384\" \"RS512\"] got \"none\"",
        ),
    ] {
        let status = world.review(&token).await;
        let error = status["error"].as_str().unwrap_or("");
        assert!(error.contains(expected), "{expected} in {status}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_claims_is_said_as_go_says_it() {
    let (world, key, header, claims) = with_own_key().await;
    let of_claims = |part: Value| key.sign(&header, &changed(&claims, &part));
    for good in [
        json!({}),
        json!({"exp": claims["exp"].to_string()}),
        json!({"groups": null}),
    ] {
        let status = world.review(&of_claims(good)).await;
        assert_eq!(status["user"]["username"], "jane", "{status}");
    }
    let elsewhere = json!({
        "_claim_names": {"groups": "a"}, "_claim_sources": {"a": {"endpoint": "https://x"}},
    });
    for (token, expected) in [
        (
            of_claims(json!({"exp": null})),
            "(Token Expiry: 0001-01-01 00:00:00 +0000 UTC)",
        ),
        (
            of_claims(json!({"exp": 60})),
            "(Token Expiry: 1970-01-01 00:01:00 +0000 UTC)",
        ),
        (
            of_claims(json!({"aud": "x"})),
            "expected audience \"here\" got [\"x\"]",
        ),
        (
            of_claims(json!({"aud": 5})),
            "cannot unmarshal number into Go struct field idToken.aud of type []string",
        ),
        (
            of_claims(json!({"sub": ["a"]})),
            "cannot unmarshal array into Go struct field idToken.sub of type string",
        ),
        (
            of_claims(json!({"iat": "x"})),
            "invalid number literal, trying to unmarshal",
        ),
        (
            of_claims(json!({"groups": ["a", 4]})),
            "cannot unmarshal array into Go value of type string",
        ),
        (of_claims(elsewhere), "could not expand distributed claims"),
        (
            of_claims(json!({})) + "=",
            "malformed jwt: illegal base64 data at input byte 86",
        ),
    ] {
        let status = world.review(&token).await;
        let error = status["error"].as_str().unwrap_or("");
        assert!(error.contains(expected), "{expected} in {status}");
    }
}
