//! The usual mistakes as data, which the search, the explanation and the documentation share. Their
//! order is that of the documentation.

use crate::diagnosis::mistakes::mistakes;

mistakes! {
    "asking for a token" {
        JSON_TOKEN_REQUEST: "paynet.json_token_request",
            "The token was asked for in JSON; OAuth2 takes a form";
        CREDENTIALS_TWICE: "paynet.credentials_twice",
            "The credentials came in the Authorization header and in the form";
        NEWLINE_IN_BASIC: "paynet.newline_in_basic",
            "A line break was encoded behind the Basic credentials, as echo without -n does";
        SECRET_NOT_ENCODED: "paynet.secret_not_encoded",
            "The client secret was put into the form without percent-encoding";
        SECRET_ENCODED_TWICE: "paynet.secret_encoded_twice",
            "The client secret was percent-encoded twice";
        SPACE_AROUND_SECRET: "paynet.space_around_secret",
            "The client secret has white space around it, as when it is read from a file";
        OTHER_SECRET: "paynet.other_secret", "The client secret is another client's";
        SWAPPED_CREDENTIALS: "paynet.swapped_credentials",
            "Client id and client secret changed places";
        CREDENTIALS_IN_QUERY: "paynet.credentials_in_query",
            "The parameters were put into the URL instead of the body";
        WRONG_TOKEN_PATH: "paynet.wrong_token_path",
            "The token was asked for at the path of the other text";
    }
    "the bearer token" {
        BASIC_AT_REPORT: "paynet.basic_at_report",
            "The client credentials were sent to a report endpoint instead of a token";
        NO_SCHEME: "paynet.no_scheme", "The token was sent without the word Bearer";
        EMPTY_TOKEN: "paynet.empty_token", "There is no token behind the word Bearer";
        NULL_TOKEN: "paynet.null_token",
            "The word for nothing was sent as a token: null, undefined, None";
        DAMAGED_TOKEN: "paynet.damaged_token",
            "The token was changed on its way into the header";
        CUT_TOKEN: "paynet.cut_token", "The token was cut: its end is missing";
        CHANGED_TOKEN: "paynet.changed_token", "A letter of the token was changed";
        FOREIGN_TOKEN: "paynet.foreign_token",
            "The token is of another sandbox or another data folder, or was changed";
        EXPIRED_TOKEN: "paynet.expired_token", "A token was used after its expiry";
        TOKEN_TO_THE_LAST: "paynet.token_to_the_last_second",
            "A token was used up to its last second";
        TOKEN_OF_A_RULE: "paynet.token_of_a_rule",
            "The token was given out wrong by a rule; the client could not know";
        TOKEN_FOR_EACH_REQUEST: "paynet.token_for_each_request",
            "A new token was asked for with every request";
    }
    "the timestamp" {
        MILLISECONDS: "paynet.milliseconds", "The timestamp is in milliseconds";
        FRACTION: "paynet.fraction", "The timestamp has a fraction";
        DATE_TEXT: "paynet.date_text", "The timestamp is a date instead of Unix seconds";
        TIMESTAMP_OF_START: "paynet.timestamp_of_start",
            "The timestamp was made once, with the token, and used again";
        OLD_HEADERS: "paynet.old_headers", "Old headers were sent again";
        SANDBOX_CLOCK_MOVED: "paynet.sandbox_clock_moved",
            "The sandbox's clock was moved, the client's agrees with this machine's";
        LOCAL_TIME: "paynet.local_time", "Local time was taken for UTC";
        CLOCK_SKEW: "paynet.clock_skew", "The client's clock is wrong";
    }
    "the signature" {
        SAMPLE_SIGNATURE: "paynet.sample_signature",
            "The signature is the one that the guide prints, which no input gives";
        SIGNED_ARGUMENTS_SWAPPED: "paynet.signed_arguments_swapped",
            "Key and message of the HMAC changed places";
        SIGNED_MILLISECONDS: "paynet.signed_milliseconds",
            "Milliseconds were signed, and seconds were sent";
        SIGNED_NEWLINE: "paynet.signed_newline",
            "A line break was signed behind the timestamp, as echo without -n does";
        KEY_WITH_NEWLINE: "paynet.key_with_newline",
            "The key has a line break at its end, as when the secret is read from a file";
        KEY_IN_QUOTES: "paynet.key_in_quotes",
            "The key has quotes around it, as when a .env file is read line by line";
        BOTH_WITH_NEWLINE: "paynet.both_with_newline",
            "Key and timestamp both have a line break at their ends";
        SIGNED_FRACTION: "paynet.signed_fraction", "The timestamp was signed with a fraction";
        HASH_SECRET_FIRST: "paynet.hash_secret_first",
            "A bare SHA-256 of secret and timestamp instead of an HMAC";
        HASH_TIMESTAMP_FIRST: "paynet.hash_timestamp_first",
            "A bare SHA-256 of timestamp and secret instead of an HMAC";
        BASE64_DIGEST: "paynet.base64_digest", "The digest was written in base64 instead of hex";
        BASE64_HEX: "paynet.base64_hex", "The hex text was encoded in base64 once more";
        UPPER_CASE_HEX: "paynet.upper_case_hex", "The hex digits are in upper case";
        DECORATED_SIGNATURE: "paynet.decorated_signature",
            "The signature is right but for quotes, a prefix or white space around it";
        OTHER_SECOND: "paynet.other_second",
            "The signature is that of another second than X-Timestamp says";
        SIGNED_BODY: "paynet.signed_body", "The body was signed instead of the timestamp";
        SIGNED_TIMESTAMP_AND_BODY: "paynet.signed_timestamp_and_body",
            "The body was signed together with the timestamp";
        SIGNED_REQUEST: "paynet.signed_request",
            "Method or path was signed together with the timestamp, as other gateways want it";
        SIGNED_NAME: "paynet.signed_name",
            "FIID or client id was signed together with the timestamp";
        TOKEN_AS_KEY: "paynet.token_as_key", "The access token was used as the key";
        CLIENT_ID_AS_KEY: "paynet.client_id_as_key", "The client id was used as the key";
        OTHER_CLIENT_S_KEY: "paynet.other_client_s_key",
            "The key is another client's secret";
        SECRET_AS_SIGNATURE: "paynet.secret_as_signature",
            "The client secret itself was sent as the signature";
        LONGER_HASH: "paynet.longer_hash", "HMAC-SHA512 instead of HMAC-SHA256";
    }
    "one-time URLs" {
        LINK_USED_TWICE: "paynet.link_used_twice", "The one-time URL was fetched again";
        LINK_TOO_LATE: "paynet.link_too_late", "The one-time URL was fetched too late";
        AMPERSAND_NOT_DECODED: "paynet.ampersand_not_decoded",
            "The URL was cut out of the JSON as text, with \\u0026 not decoded to &";
        TOKEN_SENT_TO_LINK: "paynet.token_sent_to_link",
            "The Authorization header was sent to the one-time URL, which needs none";
    }
    "reports" {
        MEMBER_NAME: "paynet.member_name", "A member has nearly the right name";
        DATE_FORM: "paynet.date_form", "The date is written in another form than yyyy-MM-dd";
        UTC_DAY: "paynet.utc_day", "The day was worked out in another zone than Malaysia's";
        UTC_YESTERDAY: "paynet.utc_yesterday",
            "What was asked for is yesterday, or last month, in UTC, and older in Malaysia";
        DAY_NOT_OVER: "paynet.day_not_over", "The day, or its cycle, is not over in Malaysia";
        MONTH_NOT_OVER: "paynet.month_not_over", "The month is not over in Malaysia";
        FUTURE_DATE: "paynet.future_date", "A date in the future";
        FIELDS_IN_ANOTHER_ORDER: "paynet.fields_in_another_order",
            "A report was asked for again with its fields in another order";
        OTHER_FIELDS: "paynet.other_fields",
            "A report was asked for again with other fields before it was ready";
        PRINTED_SAMPLE: "paynet.printed_sample",
            "The query is the sample that the documents print, which is not valid GraphQL";
    }
}
