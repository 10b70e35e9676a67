//! The shapes of an export, as the API describes them.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Ref, Schema, Type,
};
use utoipa::{PartialSchema, ToSchema};

const FULL_EXPORT: &str = "FullExport";
const LISTED_CHATS: &str = "ListedChats";
const CHAT_LIST: &str = "ChatList";
const CHAT: &str = "Chat";
const CONFIGURED_CHATS: &str = "ConfiguredChats";

/// The body of a submission, with the structure that it needs to be accepted.
pub(crate) struct Export;

impl PartialSchema for Export {
    fn schema() -> RefOr<Schema> {
        let shapes = [FULL_EXPORT, CHAT_LIST, CHAT, CONFIGURED_CHATS];
        let any = shapes
            .into_iter()
            .fold(AnyOfBuilder::new(), |any, shape| any.item(named(shape)));
        any.into()
    }
}

impl ToSchema for Export {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        let chats = || ArrayBuilder::new().items(named(CHAT));
        let chat_list = chats().description(Some("A list of chats."));
        let messages = ArrayBuilder::new().items(anything(""));
        let chat = anything("A chat, as Telegram Desktop writes it.")
            .property("name", nullable_text())
            .property("type", ObjectBuilder::new().schema_type(Type::String))
            .property("messages", messages)
            .required("messages");
        let configured = "A list of chats, with configuration keys beside it.";
        schemas.extend([
            (
                FULL_EXPORT.to_owned(),
                anything("A full export, as Telegram Desktop writes it.")
                    .property("chats", named(LISTED_CHATS))
                    .required("chats")
                    .into(),
            ),
            (
                LISTED_CHATS.to_owned(),
                anything("The chats of a full export.")
                    .property("list", chats())
                    .required("list")
                    .into(),
            ),
            (CHAT_LIST.to_owned(), chat_list.into()),
            (CHAT.to_owned(), chat.into()),
            (
                CONFIGURED_CHATS.to_owned(),
                anything(configured)
                    .property("chats", chats())
                    .required("chats")
                    .into(),
            ),
        ]);
    }
}

fn named(shape: &str) -> Ref {
    Ref::from_schema_name(shape)
}

/// An object with more in it than is described. Generated clients leave out what may not be there.
fn anything(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description).filter(|description| !description.is_empty()))
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
}

fn nullable_text() -> AnyOfBuilder {
    let of = |kind| ObjectBuilder::new().schema_type(kind);
    AnyOfBuilder::new()
        .item(of(Type::String))
        .item(of(Type::Null))
}
