//! Documents of Swagger 2.0 in the form of OpenAPI 3.0.
//!
//! Only what requests are made of is translated. Whatever is not in the form of Swagger stays as it is, so
//! that it is treated like the same mistake in a document of OpenAPI.

use serde_json::{Map, Value, json};

/// The methods of operations.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
/// The keys of a parameter that are not those of its schema.
const OF_PARAMETERS: [&str; 9] = [
    "name",
    "in",
    "required",
    "description",
    "deprecated",
    "allowEmptyValue",
    "collectionFormat",
    "x-example",
    "example",
];
/// Where references lead, and where they lead in OpenAPI.
const REFERENCES: [(&str, &str); 4] = [
    ("#/definitions/", "#/components/schemas/"),
    ("#/parameters/", "#/components/parameters/"),
    ("#/responses/", "#/components/responses/"),
    ("#/securityDefinitions/", "#/components/securitySchemes/"),
];
/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";
/// The media type of forms with files.
const MULTIPART: &str = "multipart/form-data";

/// Returns whether a document is one of Swagger 2.0.
pub(super) fn is_swagger(document: &Value) -> bool {
    let version = document.get("swagger").map(super::style::scalar);
    version.is_some_and(|version| version == "2.0" || version == "2")
}

/// Translates a document, or a file that one refers to.
pub(super) fn translated(mut document: Value) -> Value {
    refer(&mut document);
    let Value::Object(mut old) = document else {
        return document;
    };
    let root = Root {
        consumes: old.remove("consumes").unwrap_or_default(),
        produces: old.remove("produces").unwrap_or_default(),
        parameters: old.remove("parameters").unwrap_or_default(),
    };
    if old.remove("swagger").is_some() {
        old.insert("openapi".into(), "3.0.3".into());
        let (host, schemes) = (old.remove("host"), old.remove("schemes"));
        let base = old.remove("basePath");
        let base = base.as_ref().and_then(Value::as_str).unwrap_or("/");
        let server = Server { host, base };
        old.insert("servers".into(), server.of(schemes.as_ref()));
        for path in members(old.get_mut("paths")) {
            root.path(path.1, &server);
        }
    }
    let mut components = Map::new();
    if let Some(schemas) = old.remove("definitions") {
        components.insert("schemas".into(), schemas);
    }
    let mut parameters = root.parameters.clone();
    for (_, parameter) in members(Some(&mut parameters)) {
        root.parameter(parameter);
    }
    components.insert("parameters".into(), parameters);
    let mut responses = old.remove("responses").unwrap_or_default();
    for (_, response) in members(Some(&mut responses)) {
        respond(response, &root.produces);
    }
    components.insert("responses".into(), responses);
    let mut schemes = old.remove("securityDefinitions").unwrap_or_default();
    for (_, scheme) in members(Some(&mut schemes)) {
        secure(scheme);
    }
    components.insert("securitySchemes".into(), schemes);
    components.retain(|_, value| !value.is_null());
    if !components.is_empty() {
        old.insert("components".into(), Value::Object(components));
    }
    Value::Object(old)
}

/// Returns the members of a map, if it is one.
fn members(map: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    let map = map.and_then(Value::as_object_mut);
    map.into_iter().flat_map(Map::iter_mut)
}

/// Lets all references lead to where things are in OpenAPI, and writes schemas as it does.
fn refer(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(refer),
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref") {
                for (old, new) in REFERENCES {
                    *reference = reference.replacen(old, new, 1);
                }
            }
            if map.get("x-nullable") == Some(&Value::Bool(true)) {
                map.insert("nullable".into(), true.into());
            }
            if let Some(discriminator) = map.get_mut("discriminator")
                && let Value::String(name) = discriminator
            {
                *discriminator = json!({ "propertyName": name });
            }
            map.values_mut().for_each(refer);
        }
        _ => {}
    }
}

/// Where a service is.
struct Server<'a> {
    host: Option<Value>,
    base: &'a str,
}

impl Server<'_> {
    /// Returns the servers with these schemes.
    fn of(&self, schemes: Option<&Value>) -> Value {
        let Some(host) = self.host.as_ref().and_then(Value::as_str) else {
            return json!([{ "url": self.base }]);
        };
        let base = self.base.trim_end_matches('/');
        let named = texts(schemes);
        let is_http = |scheme: &&&str| matches!(**scheme, "http" | "https");
        let http: Vec<&str> = named.iter().filter(is_http).copied().collect();
        let schemes = if http.is_empty() { vec!["http"] } else { http };
        let url = |scheme: &str| json!({ "url": format!("{scheme}://{host}{base}") });
        schemes.into_iter().map(url).collect()
    }
}

/// Returns the texts of a list.
fn texts(list: Option<&Value>) -> Vec<&str> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// What holds for all operations of a document.
struct Root {
    consumes: Value,
    produces: Value,
    parameters: Value,
}

impl Root {
    fn path(&self, path: &mut Value, server: &Server<'_>) {
        let Value::Object(path) = path else { return };
        let shared = path.remove("parameters");
        let shared = self.parts(shared.as_ref());
        for (key, operation) in path.iter_mut() {
            if !METHODS.contains(&key.as_str()) {
                continue;
            }
            let Value::Object(operation) = operation else {
                continue;
            };
            self.operation(operation, &shared);
            if let Some(schemes) = operation.remove("schemes") {
                operation.insert("servers".into(), server.of(Some(&schemes)));
            }
        }
        if !shared.others.is_empty() {
            path.insert("parameters".into(), shared.others.into());
        }
    }

    fn operation(&self, operation: &mut Map<String, Value>, shared: &Parts) {
        let consumes = operation.remove("consumes");
        let consumes = consumes.unwrap_or_else(|| self.consumes.clone());
        let own = operation.remove("parameters");
        let own = self.parts(own.as_ref());
        let body = own.body.as_ref().or(shared.body.as_ref());
        let fields = if own.fields.is_empty() {
            &shared.fields
        } else {
            &own.fields
        };
        let body = match body {
            Some(body) => Some(of_body(body, &consumes)),
            None if !fields.is_empty() => Some(of_fields(fields, &consumes)),
            None => None,
        };
        operation.extend(body.map(|body| ("requestBody".to_owned(), body)));
        if !own.others.is_empty() {
            operation.insert("parameters".into(), own.others.into());
        }
        let produces = operation.remove("produces");
        let produces = produces.unwrap_or_else(|| self.produces.clone());
        for (_, response) in members(operation.get_mut("responses")) {
            respond(response, &produces);
        }
    }

    /// Divides parameters into the body, the fields of a form, and all others, which are translated.
    fn parts(&self, parameters: Option<&Value>) -> Parts {
        let mut parts = Parts::default();
        let all = parameters.and_then(Value::as_array).into_iter().flatten();
        for parameter in all {
            let known = parameter
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| reference.strip_prefix("#/components/parameters/"))
                .and_then(|name| self.parameters.get(name));
            let meant = known.unwrap_or(parameter);
            match meant.get("in").and_then(Value::as_str) {
                Some("body") => parts.body = Some(meant.clone()),
                Some("formData") => parts.fields.push(meant.clone()),
                _ => {
                    let mut other = parameter.clone();
                    self.parameter(&mut other);
                    parts.others.push(other);
                }
            }
        }
        parts
    }

    /// Translates a parameter that is neither a body nor a field of a form.
    fn parameter(&self, parameter: &mut Value) {
        let Value::Object(old) = parameter else {
            return;
        };
        if old.contains_key("$ref") || old.contains_key("schema") {
            return;
        }
        let schema = schema(old);
        let is_list = schema.get("type").and_then(Value::as_str) == Some("array");
        let format = old.remove("collectionFormat");
        let format = format.as_ref().and_then(Value::as_str).unwrap_or("csv");
        let is_query = old.get("in").and_then(Value::as_str) == Some("query");
        old.retain(|key, _| OF_PARAMETERS.contains(&key.as_str()));
        if let Some(example) = old.remove("x-example") {
            old.insert("example".into(), example);
        }
        if is_list && is_query {
            let (style, explode) = style(format);
            old.insert("style".into(), style.into());
            old.insert("explode".into(), explode.into());
        }
        old.insert("schema".into(), Value::Object(schema));
    }
}

/// The parameters of an operation.
#[derive(Default)]
struct Parts {
    body: Option<Value>,
    fields: Vec<Value>,
    others: Vec<Value>,
}

/// Returns the schema of a parameter.
fn schema(parameter: &Map<String, Value>) -> Map<String, Value> {
    let is_of_schema = |key: &str| !OF_PARAMETERS.contains(&key);
    let keys = parameter.iter().filter(|(key, _)| is_of_schema(key));
    let mut schema: Map<String, Value> = keys
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if schema.get("type").and_then(Value::as_str) == Some("file") {
        schema.insert("type".into(), "string".into());
        schema.insert("format".into(), "binary".into());
    }
    schema
}

/// Returns how OpenAPI calls a format of lists.
fn style(format: &str) -> (&'static str, bool) {
    match format {
        "multi" => ("form", true),
        "ssv" => ("spaceDelimited", false),
        "pipes" => ("pipeDelimited", false),
        _ => ("form", false),
    }
}

fn of_body(body: &Value, consumes: &Value) -> Value {
    let schema = body.get("schema").cloned().unwrap_or_default();
    let mut media = json!({ "schema": schema });
    if let Some(example) = body.get("x-example") {
        media["example"] = example.clone();
    }
    let required = body.get("required").cloned().unwrap_or_default();
    json!({ "required": required, "content": content(consumes, &media) })
}

fn of_fields(fields: &[Value], consumes: &Value) -> Value {
    let (mut properties, mut encoding) = (Map::new(), Map::new());
    let mut required = Vec::new();
    let mut has_file = false;
    for field in fields.iter().filter_map(Value::as_object) {
        let Some(name) = field.get("name").and_then(Value::as_str) else {
            continue;
        };
        let mut schema = schema(field);
        has_file |= field.get("type").and_then(Value::as_str) == Some("file");
        if let Some(example) = field.get("x-example") {
            schema.insert("example".into(), example.clone());
        }
        if schema.get("type").and_then(Value::as_str) == Some("array") {
            let format = field.get("collectionFormat").and_then(Value::as_str);
            let (style, explode) = style(format.unwrap_or("csv"));
            encoding.insert(name.into(), json!({ "style": style, "explode": explode }));
        }
        if field.get("required") == Some(&Value::Bool(true)) {
            required.push(name);
        }
        properties.insert(name.into(), Value::Object(schema));
    }
    let is_multipart = has_file || texts(Some(consumes)).contains(&MULTIPART);
    let media = if is_multipart { MULTIPART } else { FORM };
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    let is_needed = !required.is_empty();
    json!({ "required": is_needed, "content": { media: { "schema": schema, "encoding": encoding } } })
}

/// Returns the same for each of these media types, or for JSON.
fn content(types: &Value, media: &Value) -> Value {
    let types = texts(Some(types));
    let types = if types.is_empty() {
        vec!["application/json"]
    } else {
        types
    };
    let all = types
        .into_iter()
        .map(|name| (name.to_owned(), media.clone()));
    Value::Object(all.collect())
}

/// Translates a response.
fn respond(response: &mut Value, produces: &Value) {
    let Value::Object(old) = response else { return };
    let schema = old.remove("schema");
    let examples = old.remove("examples").unwrap_or_default();
    if let Some(schema) = schema {
        let mut content = content(produces, &json!({ "schema": schema }));
        for (name, media) in members(Some(&mut content)) {
            if let Some(example) = examples.get(name) {
                media["example"] = example.clone();
            }
        }
        old.insert("content".into(), content);
    }
}

/// Translates a security scheme.
fn secure(scheme: &mut Value) {
    let Value::Object(old) = scheme else { return };
    let kind = old.get("type").and_then(Value::as_str);
    if kind == Some("basic") {
        *scheme = json!({ "type": "http", "scheme": "basic" });
    } else if kind == Some("oauth2") {
        let flow = match old.remove("flow").as_ref().and_then(Value::as_str) {
            Some("application") => "clientCredentials",
            Some("accessCode") => "authorizationCode",
            Some("password") => "password",
            _ => "implicit",
        };
        old.remove("type");
        let said = Value::Object(std::mem::take(old));
        *scheme = json!({ "type": "oauth2", "flows": { flow: said } });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document of Swagger.
    fn old() -> Value {
        json!({
            "swagger": "2.0", "info": { "title": "x" }, "host": "a.test:8080", "basePath": "/v1/",
            "schemes": ["https", "ws"], "consumes": ["application/json"], "produces": ["application/json"],
            "paths": { "/pets/{id}": {
                "parameters": [{ "$ref": "#/parameters/Id" }],
                "get": {
                    "schemes": ["http"],
                    "parameters": [{ "name": "kinds", "in": "query", "type": "array", "items": { "type": "string" }, "collectionFormat": "pipes", "x-example": ["a"] }],
                    "responses": { "200": { "description": "ok", "schema": { "$ref": "#/definitions/Pet" }, "examples": { "application/json": { "id": 1 } } }, "404": { "$ref": "#/responses/None" } },
                },
                "put": { "parameters": [{ "$ref": "#/parameters/Body" }], "responses": {} },
                "post": { "consumes": ["multipart/form-data"], "parameters": [
                    { "name": "note", "in": "formData", "type": "string", "required": true },
                    { "name": "photo", "in": "formData", "type": "file" },
                    { "name": "tags", "in": "formData", "type": "array", "items": { "type": "string" }, "collectionFormat": "multi" },
                ] },
            } },
            "definitions": { "Pet": { "type": "object", "discriminator": "kind", "properties": { "owner": { "x-nullable": true, "$ref": "other.yaml#/definitions/Owner" } } } },
            "parameters": {
                "Id": { "name": "id", "in": "path", "required": true, "type": "integer", "minimum": 7 },
                "Body": { "name": "body", "in": "body", "required": true, "schema": { "$ref": "#/definitions/Pet" } },
            },
            "responses": { "None": { "description": "none" } },
            "securityDefinitions": {
                "login": { "type": "basic" },
                "key": { "type": "apiKey", "in": "header", "name": "X-Key" },
                "app": { "type": "oauth2", "flow": "application", "tokenUrl": "https://a.test/token", "scopes": {} },
            },
        })
    }

    #[test]
    fn an_operation_says_the_same_in_openapi() {
        let old = old();
        assert!(is_swagger(&old));
        let new = translated(old);
        assert_eq!(new["openapi"], "3.0.3");
        assert_eq!(new["servers"], json!([{ "url": "https://a.test:8080/v1" }]));
        let path = &new["paths"]["/pets/{id}"];
        assert_eq!(
            path["parameters"],
            json!([{ "$ref": "#/components/parameters/Id" }])
        );
        let get = &path["get"];
        assert_eq!(get["servers"], json!([{ "url": "http://a.test:8080/v1" }]));
        assert_eq!(
            get["parameters"],
            json!([{ "name": "kinds", "in": "query", "example": ["a"], "style": "pipeDelimited", "explode": false, "schema": { "type": "array", "items": { "type": "string" } } }])
        );
        assert_eq!(
            get["responses"],
            json!({
                "200": { "description": "ok", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pet" }, "example": { "id": 1 } } } },
                "404": { "$ref": "#/components/responses/None" },
            })
        );
    }

    #[test]
    fn bodies_and_components_say_the_same_in_openapi() {
        let new = translated(old());
        let path = &new["paths"]["/pets/{id}"];
        assert_eq!(
            path["put"]["requestBody"],
            json!({ "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Pet" } } } })
        );
        assert_eq!(
            path["post"]["requestBody"]["content"]["multipart/form-data"],
            json!({
                "schema": { "type": "object", "required": ["note"], "properties": {
                    "note": { "type": "string" }, "photo": { "type": "string", "format": "binary" }, "tags": { "type": "array", "items": { "type": "string" } },
                } },
                "encoding": { "tags": { "style": "form", "explode": true } },
            })
        );
        let components = &new["components"];
        assert_eq!(
            components["schemas"]["Pet"]["properties"]["owner"],
            json!({ "x-nullable": true, "nullable": true, "$ref": "other.yaml#/components/schemas/Owner" })
        );
        assert_eq!(
            components["parameters"]["Id"]["schema"],
            json!({ "type": "integer", "minimum": 7 })
        );
        assert_eq!(
            components["securitySchemes"],
            json!({
                "login": { "type": "http", "scheme": "basic" },
                "key": { "type": "apiKey", "in": "header", "name": "X-Key" },
                "app": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "https://a.test/token", "scopes": {} } } },
            })
        );
    }

    #[test]
    fn a_host_without_a_scheme_is_asked_without_tls_and_none_stays_relative() {
        let server = |document: Value| translated(document)["servers"].clone();
        assert_eq!(
            server(json!({ "swagger": 2.0, "host": "a.test" })),
            json!([{ "url": "http://a.test" }])
        );
        assert_eq!(
            server(json!({ "swagger": "2.0", "basePath": "/v1" })),
            json!([{ "url": "/v1" }])
        );
    }

    #[test]
    fn what_is_not_swagger_stays() {
        for value in [
            json!(7),
            json!({ "swagger": "2.0", "paths": 7, "definitions": [], "parameters": 1, "responses": "x", "servers": [{ "url": "/" }] }),
            json!({ "swagger": "2.0", "paths": { "/": { "get": { "parameters": [7, { "in": "body" }, { "in": "formData" }] } } } }),
        ] {
            translated(value);
        }
    }
}
