//! Values that a client draws or counts, such as `{{$guid}}`.

/// What the language has for a value of the client.
pub(super) struct Dynamic {
    /// The expression.
    pub expression: &'static str,
    /// Whether it is a text, and not a number or a truth value.
    pub is_text: bool,
    /// How it differs from what the client sends, if it does.
    pub difference: Option<String>,
}

/// Values that the language has, by the names that clients give to them.
const KNOWN: [(&str, &str, bool); 13] = [
    ("guid", "uuid()", true),
    ("randomUUID", "uuid()", true),
    ("timestamp", "(now() // 1000)", false),
    ("randomInt", "random_int(0, 1000)", false),
    ("randomBoolean", "pick([true, false])", false),
    ("randomAlphaNumeric", "random_string(1)", true),
    ("randomPassword", "random_string(15)", true),
    ("randomPrice", "random_int(0, 1000)", false),
    ("randomBankAccount", "random_int(10000000, 99999999)", false),
    ("randomCreditCardMask", "random_int(1000, 9999)", false),
    ("randomLatitude", "random_int(-90, 90)", false),
    ("randomLongitude", "random_int(-180, 180)", false),
    ("randomProtocol", "pick(['http', 'https'])", true),
];

/// Returns what the language has for the value of this name, without its `$`. Where nothing fits, some
/// random text stands for it.
pub(super) fn dynamic(name: &str) -> Dynamic {
    if let Some((_, expression, is_text)) = KNOWN.iter().find(|(known, ..)| *known == name) {
        let is_coarser = matches!(name, "randomPrice" | "randomLatitude" | "randomLongitude");
        return Dynamic {
            expression,
            is_text: *is_text,
            difference: is_coarser.then(|| format!("`{{{{${name}}}}}` is an integer here")),
        };
    }
    let expression = match name {
        "randomEmail" | "randomExampleEmail" => "(random_string(8) ~ '@example.com')",
        "randomUrl" => "('http://' ~ random_string(8) ~ '.example.com')",
        "randomDomainName" => "(random_string(8) ~ '.example.com')",
        _ => "random_string(8)",
    };
    Dynamic {
        expression,
        is_text: true,
        difference: Some(format!(
            "`{{{{${name}}}}}` is random letters and digits here: take it from `data` if it has to be like the client's"
        )),
    }
}
