//! The shapes of an export, as the API describes them.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The body of a submission, with the structure that it needs to be accepted.
pub(crate) struct Export;

impl PartialSchema for Export {
    fn schema() -> RefOr<Schema> {
        let anything = || ArrayBuilder::new().items(ObjectBuilder::new());
        let object = |key: &str, value: RefOr<Schema>, description: &str| {
            ObjectBuilder::new()
                .schema_type(Type::Object)
                .property(key, value)
                .required(key)
                .description(Some(description))
        };
        let list = object("list", anything().into(), "");
        let full = object(
            "chats",
            list.into(),
            "A full export, as Telegram Desktop writes it",
        );
        let beside = object(
            "chats",
            anything().into(),
            "A list of chats, with configuration keys next to it",
        );
        let chat = object("messages", anything().into(), "The export of a single chat");
        AnyOfBuilder::new()
            .item(full)
            .item(anything().description(Some("A list of chats")))
            .item(chat)
            .item(beside)
            .into()
    }
}

impl ToSchema for Export {}
