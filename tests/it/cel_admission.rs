//! Expressions of admission: what they may name, what they come to, what they cost.

use mockernetes::cel::admission::{
    Authorizer, BUDGET, Check, Decision, Environment, Evaluation, Expression, Failed, Input,
    RequestResource, Returns, Target, Variable, operations, to_json,
};
use serde_json::{Map, Value, json};

#[derive(Debug)]
struct OnlyPods;

impl Authorizer for OnlyPods {
    fn authorize(&self, check: &Check) -> Decision {
        let is_pods =
            matches!(&check.target, Target::Resource { resource, .. } if resource == "pods");
        Decision {
            is_allowed: is_pods && check.verb == "get",
            reason: format!("{:?}", check.service_account),
            error: None,
        }
    }
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn evaluate(expression: &Expression, variables: &[Variable], budget: u64) -> Result<Value, Failed> {
    let object = map(json!({
        "metadata": {"name": "web", "labels": {"tier": "front"}},
        "spec": {"replicas": 3, "containers": [{"image": "a"}, {"image": "b"}]},
    }));
    let params = map(json!({"limit": 5}));
    let request = map(json!({
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "operation": "CREATE",
        "userInfo": {"username": "eve", "groups": ["team"]},
    }));
    let input = Input {
        object: Some(&object),
        old_object: None,
        params: Some(&params),
        request: &request,
        namespace: None,
        authorizer: Some((
            &OnlyPods,
            RequestResource {
                resource: "pods",
                ..RequestResource::default()
            },
        )),
    };
    let value = Evaluation::new(&input, variables, budget).run(expression)?;
    Ok(to_json(&value).unwrap_or_else(|why| json!({ "refused": why })))
}

fn full() -> Environment {
    Environment::new()
        .with_params(true)
        .with_authorizer(true)
        .with_patch_types(true)
        .with_variables()
}

#[test]
fn expressions_see_the_object_the_request_and_the_parameters() {
    for source in [
        "object.spec.replicas <= params.limit",
        "oldObject == null && namespaceObject == null",
        "request.operation == 'CREATE' && request.userInfo.username == 'eve'",
        "'team' in request.userInfo.groups",
        "object.spec.containers.all(c, c.image != 'c')",
        "has(object.metadata.labels) && !has(object.metadata.annotations)",
        "authorizer.group('').resource('pods').check('get').allowed()",
        "authorizer.requestResource.check('get').allowed()",
        "!authorizer.path('/healthz').check('get').allowed()",
        "authorizer.serviceAccount('a', 'b').path('/x').check('get').reason().contains('b')",
    ] {
        let expression = full().compile(source, Returns::Bool).expect(source);
        assert_eq!(
            evaluate(&expression, &[], BUDGET),
            Ok(json!(true)),
            "{source}"
        );
    }
}

#[test]
fn variables_are_evaluated_when_named() {
    let mut environment = full();
    let variables = vec![
        environment.declare("images", "object.spec.containers.map(c, c.image)"),
        environment.declare("count", "size(variables.images)"),
        environment.declare("broken", "object.spec.none.such"),
    ];
    let count = environment
        .compile("variables.count == 2", Returns::Bool)
        .expect("compiles");
    assert_eq!(evaluate(&count, &variables, BUDGET), Ok(json!(true)));
    let broken = environment
        .compile("variables.broken == 2", Returns::Bool)
        .expect("compiles");
    assert_eq!(
        evaluate(&broken, &variables, BUDGET).map_err(|why| why.to_string()),
        Err(
            "expression 'variables.broken == 2' resulted in error: composited variable \"broken\" \
             fails to evaluate: no such key: none"
                .to_owned()
        )
    );
}

#[test]
fn an_expression_has_to_come_to_what_is_asked_for() {
    let refusal = |source: &str, returns| {
        let refused = Environment::new().compile(source, returns);
        refused.expect_err(source).to_string()
    };
    assert_eq!(
        refusal("1 + 1", Returns::Bool),
        "must evaluate to bool but got int"
    );
    assert_eq!(
        refusal("[1]", Returns::StringOrNull),
        "must evaluate to one of [string null_type] but got list(int)"
    );
    assert_eq!(
        refusal("params.x", Returns::Bool),
        "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container \
         '')\n | params.x\n | ^"
    );
}

#[test]
fn a_budget_ends_an_evaluation() {
    let expression = full()
        .compile("object.spec.replicas < 5", Returns::Bool)
        .expect("compiles");
    assert_eq!(evaluate(&expression, &[], 1), Err(Failed::OutOfBudget));
}

#[test]
fn mutations_come_to_objects_and_patches() {
    let apply = full()
        .compile(
            "Object{spec: Object.spec{replicas: object.spec.replicas + 1}}",
            Returns::ApplyConfiguration,
        )
        .expect("compiles");
    assert_eq!(
        evaluate(&apply, &[], BUDGET),
        Ok(json!({"spec": {"replicas": 4}}))
    );
    let misnamed = full()
        .compile(
            "Object{spec: Object.wrong{replicas: 1}}",
            Returns::ApplyConfiguration,
        )
        .expect("compiles");
    assert_eq!(
        evaluate(&misnamed, &[], BUDGET),
        Ok(json!({
            "refused": "type mismatch: unexpected type name \"Object.wrong\", expected \
                        \"Object.spec\", which matches field name path from root Object type"
        }))
    );
    let patch = full()
        .compile(
            "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: \
             'x'}]",
            Returns::JsonPatch,
        )
        .expect("compiles");
    let request = Map::new();
    let input = Input {
        object: None,
        old_object: None,
        params: None,
        request: &request,
        namespace: None,
        authorizer: None,
    };
    let value = Evaluation::new(&input, &[], BUDGET)
        .run(&patch)
        .expect("evaluates");
    let operations = operations(&value).expect("a patch");
    assert_eq!(operations.len(), 1);
    assert_eq!(operations[0].op, "add");
    assert_eq!(operations[0].path, "/metadata/labels/a~1b");
    assert_eq!(operations[0].value, Some(json!("x")));
}
