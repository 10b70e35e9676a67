//! Top-level domains.

/// Those that end an address without anything else that makes it one: `example.com`, `bit.ly`.
const COMMON: [&str; 22] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "app", "dev", "online", "site",
    "website", "store", "shop", "tech", "blog", "cloud", "xyz", "page", "wiki",
];

/// Those of countries that are words, or ends of files' names, as well.
const AMBIGUOUS: [&str; 30] = [
    "am", "as", "at", "be", "by", "cc", "do", "es", "in", "is", "it", "la", "md", "me", "ml", "mm",
    "my", "no", "ps", "py", "rs", "sa", "se", "sh", "so", "st", "su", "to", "us", "va",
];

/// Whether this is one, in whatever case.
pub(super) fn exists(label: &str) -> bool {
    if label.is_ascii() {
        return label.len() >= 2 && tld::exist_case_insensitive(label);
    }
    // The table has them in their ASCII form only.
    INTERNATIONAL.contains(&label.to_lowercase().as_str())
}

/// Those of cased scripts that are not ASCII; other scripts' end where no space tells it.
const INTERNATIONAL: [&str; 16] = [
    "рф",
    "рус",
    "онлайн",
    "сайт",
    "дети",
    "москва",
    "орг",
    "ком",
    "укр",
    "бел",
    "бг",
    "срб",
    "мкд",
    "қаз",
    "мон",
    "ελ",
];

/// Whether a host of two labels that ends like this is an address even without a path.
pub(super) fn suffices(label: &str) -> bool {
    if !label.is_ascii() {
        return exists(label);
    }
    // A capital begins a sentence: `Fine.So what`.
    let lower = label.to_ascii_lowercase();
    (label == lower || label.len() > 1 && label.bytes().all(|byte| byte.is_ascii_uppercase()))
        && (COMMON.contains(&lower.as_str())
            || label.len() == 2 && exists(label) && !AMBIGUOUS.contains(&lower.as_str()))
}
