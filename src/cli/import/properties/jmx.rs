//! Test plans of JMeter.

use proptest::prelude::*;

use super::{is_valid_or_refused, request};
use crate::import::Kind;

/// Returns texts as plans have them, with characters that mean something in XML, YAML and templates.
fn text_of_plan() -> impl Strategy<Value = String> {
    let words = prop_oneof![
        3 => "[a-z0-9/.]{0,5}",
        2 => "[0-9]{1,4}",
        2 => "\\$\\{[a-c]\\}",
        1 => "\\$\\{__(P|Random|time|UUID|counter|env|V|changeCase|jexl3|x)(\\([a-c0-9,]{0,5}\\))?\\}",
        1 => "[{}$\\[\\]()#:'\"\\\\,;!=|*+?-]{1,4}",
        1 => Just("{{".to_owned()),
        1 => Just("http://127.0.0.1:8080/".to_owned()),
        1 => Just("$.items[*].id".to_owned()),
        1 => Just("true".to_owned()),
        1 => Just("\"${a}\" == \"1\"".to_owned()),
        1 => Just("shareMode.thread".to_owned()),
        1 => Just("{\"a\": \"${b}\", \"c\": 1.50}".to_owned()),
        1 => "\\PC{0,4}",
    ];
    prop::collection::vec(words, 0..3).prop_map(|words| {
        let text = words.concat();
        text.replace('&', "&amp;").replace('<', "&lt;")
    })
}

/// The properties of elements that plans have, with their tags.
const ELEMENTS: &[(&str, &[&str])] = &[
    (
        "HTTPSamplerProxy",
        &[
            "HTTPSampler.domain",
            "HTTPSampler.port",
            "HTTPSampler.path",
            "HTTPSampler.method",
            "HTTPSampler.connect_timeout",
        ],
    ),
    (
        "HTTPSamplerProxy",
        &[
            "HTTPSampler.path",
            "HTTPSampler.postBodyRaw",
            "HTTPSampler.protocol",
            "HTTPSampler.FILE_NAME",
        ],
    ),
    (
        "ConfigTestElement",
        &["HTTPSampler.domain", "HTTPSampler.port", "HTTPSampler.path"],
    ),
    (
        "CSVDataSet",
        &[
            "filename",
            "variableNames",
            "delimiter",
            "recycle",
            "stopThread",
            "shareMode",
            "fileEncoding",
        ],
    ),
    (
        "CounterConfig",
        &[
            "CounterConfig.name",
            "CounterConfig.start",
            "CounterConfig.end",
            "CounterConfig.incr",
        ],
    ),
    (
        "RandomVariableConfig",
        &["variableName", "minimumValue", "maximumValue"],
    ),
    (
        "RegexExtractor",
        &[
            "RegexExtractor.refname",
            "RegexExtractor.regex",
            "RegexExtractor.template",
            "RegexExtractor.default",
            "RegexExtractor.useHeaders",
            "RegexExtractor.match_number",
        ],
    ),
    (
        "JSONPostProcessor",
        &[
            "JSONPostProcessor.referenceNames",
            "JSONPostProcessor.jsonPathExprs",
            "JSONPostProcessor.defaultValues",
        ],
    ),
    (
        "HtmlExtractor",
        &[
            "HtmlExtractor.refname",
            "HtmlExtractor.expr",
            "HtmlExtractor.attribute",
        ],
    ),
    (
        "XPathExtractor",
        &[
            "XPathExtractor.refname",
            "XPathExtractor.xpathQuery",
            "XPathExtractor.default",
        ],
    ),
    (
        "BoundaryExtractor",
        &[
            "BoundaryExtractor.refname",
            "BoundaryExtractor.lboundary",
            "BoundaryExtractor.rboundary",
        ],
    ),
    (
        "ResponseAssertion",
        &[
            "Assertion.test_field",
            "Assertion.test_type",
            "Asserion.test_strings",
            "Assertion.assume_success",
        ],
    ),
    (
        "JSONPathAssertion",
        &["JSON_PATH", "EXPECTED_VALUE", "JSONVALIDATION", "ISREGEX"],
    ),
    ("DurationAssertion", &["DurationAssertion.duration"]),
    (
        "SizeAssertion",
        &["SizeAssertion.size", "SizeAssertion.operator"],
    ),
    ("ConstantTimer", &["ConstantTimer.delay"]),
    (
        "UniformRandomTimer",
        &["ConstantTimer.delay", "RandomTimer.range"],
    ),
    (
        "GaussianRandomTimer",
        &["ConstantTimer.delay", "RandomTimer.range"],
    ),
    (
        "PoissonRandomTimer",
        &["ConstantTimer.delay", "RandomTimer.range"],
    ),
    ("ConstantThroughputTimer", &["throughput", "calcMode"]),
    (
        "TestAction",
        &["ActionProcessor.action", "ActionProcessor.duration"],
    ),
    ("HeaderManager", &["HeaderManager.headers"]),
    ("AuthManager", &["AuthManager.auth_list"]),
    ("CookieManager", &["CookieManager.cookies"]),
    ("Arguments", &["Arguments.arguments"]),
    ("JSR223Sampler", &["script"]),
    ("CacheManager", &[]),
    ("GenericController", &[]),
    (
        "TransactionController",
        &["TransactionController.includeTimers"],
    ),
    (
        "LoopController",
        &["LoopController.loops", "LoopController.continue_forever"],
    ),
    ("IfController", &["IfController.condition"]),
    ("WhileController", &["WhileController.condition"]),
    (
        "ForeachController",
        &["ForeachController.inputVal", "ForeachController.returnVal"],
    ),
    ("OnceOnlyController", &[]),
    ("RandomController", &[]),
    ("InterleaveControl", &[]),
    (
        "ThroughputController",
        &[
            "ThroughputController.style",
            "ThroughputController.percentThroughput",
        ],
    ),
    ("com.blazemeter.jmeter.controller.ParallelSampler", &[]),
    ("ModuleController", &["ModuleController.node_path"]),
];

/// Returns elements of a plan, each with the tree of those in it.
fn elements() -> impl Strategy<Value = String> {
    let element = |inside: BoxedStrategy<String>| {
        let texts = prop::collection::vec(text_of_plan(), 12);
        (0..ELEMENTS.len(), texts, "[a-c]{0,2}", inside).prop_map(|(at, texts, title, inside)| {
            let (tag, names) = ELEMENTS[at];
            let mut texts = texts.into_iter().cycle();
            let mut next = || texts.next().unwrap_or_default();
            let mut properties = String::new();
            for name in names {
                let value = next();
                properties += &match *name {
                    // Names that expressions refer to.
                    name if name.ends_with("refname") || name.ends_with("Names") || name.ends_with("Val") => {
                        format!("<stringProp name='{name}'>{}</stringProp>", if title.is_empty() { &value } else { &title })
                    }
                    "Asserion.test_strings" | "ModuleController.node_path" => {
                        format!("<collectionProp name='{name}'><stringProp>{value}</stringProp></collectionProp>")
                    }
                    "HeaderManager.headers" => format!("<collectionProp name='{name}'><elementProp><stringProp name='Header.name'>{}</stringProp><stringProp name='Header.value'>{value}</stringProp></elementProp></collectionProp>", next()),
                    "AuthManager.auth_list" => format!("<collectionProp name='{name}'><elementProp><stringProp name='Authorization.username'>{}</stringProp><stringProp name='Authorization.password'>{value}</stringProp></elementProp></collectionProp>", next()),
                    "CookieManager.cookies" => format!("<collectionProp name='{name}'><elementProp name='a'><stringProp name='Cookie.value'>{value}</stringProp></elementProp></collectionProp>"),
                    "Arguments.arguments" => format!("<collectionProp name='{name}'><elementProp><stringProp name='Argument.name'>{title}</stringProp><stringProp name='Argument.value'>{value}</stringProp></elementProp></collectionProp>"),
                    name => format!("<stringProp name='{name}'>{value}</stringProp>"),
                };
            }
            if tag.starts_with("HTTP") {
                properties += &format!("<elementProp name='HTTPsampler.Arguments'><collectionProp name='Arguments.arguments'><elementProp><boolProp name='HTTPArgument.always_encode'>{}</boolProp><stringProp name='Argument.name'>{}</stringProp><stringProp name='Argument.value'>{}</stringProp></elementProp></collectionProp></elementProp>", at == 0, next(), next());
            }
            format!("<{tag} testname='{title}'>{properties}</{tag}><hashTree>{inside}</hashTree>\n")
        })
    };
    let leaf = element(Just(String::new()).boxed()).boxed();
    leaf.prop_recursive(3, 24, 4, move |inner| {
        let inside = prop::collection::vec(inner, 0..4).prop_map(|parts| parts.concat());
        element(inside.boxed()).boxed()
    })
}

/// Wraps elements in a plan with a server, a variable and a thread group.
fn plan(groups: &[(String, String)]) -> String {
    let mut text = "<jmeterTestPlan><hashTree><TestPlan testname='a plan'/><hashTree>\
        <ConfigTestElement guiclass='HttpDefaultsGui'><stringProp name='HTTPSampler.domain'>127.0.0.1</stringProp></ConfigTestElement>\
        <Arguments><collectionProp name='Arguments.arguments'><elementProp><stringProp name='Argument.name'>a</stringProp>\
        <stringProp name='Argument.value'>5</stringProp></elementProp></collectionProp></Arguments>\n"
        .to_owned();
    for (numbers, inside) in groups {
        let number = |at: usize| numbers.split(' ').nth(at).unwrap_or_default().to_owned();
        text += &format!(
            "<{tag}ThreadGroup testname='g'><stringProp name='ThreadGroup.num_threads'>{}</stringProp><stringProp name='ThreadGroup.ramp_time'>{}</stringProp>\
            <boolProp name='ThreadGroup.scheduler'>true</boolProp><stringProp name='ThreadGroup.duration'>{}</stringProp><stringProp name='ThreadGroup.delay'>{}</stringProp>\
            <elementProp name='ThreadGroup.main_controller'><stringProp name='LoopController.loops'>{}</stringProp></elementProp></{tag}ThreadGroup>\
            <hashTree><HTTPSamplerProxy/><hashTree/>{inside}</hashTree>",
            number(0),
            number(1),
            number(2),
            number(3),
            number(4),
            tag = if numbers.len() % 7 == 6 { "Setup" } else { "" },
        );
    }
    text + "</hashTree></hashTree></jmeterTestPlan>"
}

proptest! {
    #[test]
    fn a_test_plan_becomes_a_valid_scenario_or_is_refused(
        groups in prop::collection::vec(("([0-9]{1,2}|-1|\\$\\{a\\}| ){1,9}", prop::collection::vec(elements(), 0..4).prop_map(|parts| parts.concat())), 1..3)
    ) {
        is_valid_or_refused(request(&plan(&groups), Kind::Jmx), &["no file", "is a folder", "the folder", "leads out", "cannot read", "can't read"]);
    }

    #[test]
    fn a_broken_test_plan_is_refused_or_valid(text in "(<|</|jmeterTestPlan|hashTree|TestPlan|ThreadGroup|HTTPSampler|stringProp|>|/>| name='a'|<!--|&amp;|&x;|<!DOCTYPE x \\[<!ENTITY a 'b'>\\]>|[a-z]){0,30}") {
        is_valid_or_refused(request(&text, Kind::Jmx), &[]);
    }
}
