#include "schemas.hpp"

#include "schema_id.hpp"

#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

namespace emulator {
namespace {

using nlohmann::ordered_json;

// One field a line: name, type, doc. A type with a capital letter is a compound, "?" in front of it adds a string
// branch.
constexpr std::string_view account_head = R"(
Name ?Switchable_PersonName Data:Switchable_PersonName
Type string Data:DynamicEnum
RecordTypeId string ForeignKey:EntityId
ParentId string ForeignKey:EntityId
BillingAddress Address Data:Address
ShippingAddress Address Data:Address
Phone string Data:Phone
Fax string Data:Phone
AccountNumber string Data:Text
Website string Data:Url
Sic string Data:Text
Industry string Data:DynamicEnum
AnnualRevenue double Data:Currency
NumberOfEmployees int Data:Integer
Ownership string Data:DynamicEnum
TickerSymbol string Data:Text
Description string Data:StringPlusClob
Rating string Data:DynamicEnum
Site string Data:Text
OwnerId string ForeignKey:EntityId
CreatedDate long CreatedDate:DateTime
CreatedById string ForeignKey:EntityId
LastModifiedDate long Data:DateTime
LastModifiedById string ForeignKey:EntityId
PersonContactId string ForeignKey:EntityId
PersonMailingAddress Address Data:Address
PersonOtherAddress Address Data:Address
PersonMobilePhone string Data:Phone
PersonHomePhone string Data:Phone
PersonOtherPhone string Data:Phone
PersonAssistantPhone string Data:Phone
PersonEmail string Data:Email
PersonTitle string Data:Text
PersonDepartment string Data:Text
PersonAssistantName string Data:Text
PersonLeadSource string Data:DynamicEnum
PersonBirthdate long Data:DateOnly
PersonHasOptedOutOfEmail boolean Data:Boolean
PersonHasOptedOutOfFax boolean Data:Boolean
PersonDoNotCall boolean Data:Boolean
PersonLastCURequestDate long Data:DateTime
PersonLastCUUpdateDate long Data:DateTime
PersonEmailBouncedReason string Data:Text
PersonEmailBouncedDate long Data:DateTime
PersonIndividualId string ForeignKey:EntityId
PersonPronouns string Data:DynamicEnum
PersonGenderIdentity string Data:DynamicEnum
Jigsaw string Data:Text
JigsawCompanyId string ExternalForeignKey:ExternalId
CleanStatus string Data:StaticEnum
AccountSource string Data:DynamicEnum
DunsNumber string Data:Text
Tradestyle string Data:Text
NaicsCode string Data:Text
NaicsDesc string Data:Text
YearStarted string Data:Text
SicDesc string Data:Text
DandbCompanyId string ForeignKey:EntityId
OperatingHoursId string ForeignKey:EntityId
Segment__c string Data:DynamicEnum:00NEm0000010001
Region__c string Data:DynamicEnum:00NEm0000010002
Seats__c double Data:Double:00NEm0000010003
Contract_Value__c double Data:Currency:00NEm0000010004
Discount_Rate__c double Data:Percent:00NEm0000010005
Renewal_Date__c long Data:DateOnly:00NEm0000010006
Last_Audit__c long Data:DateTime:00NEm0000010007
Opening_Time__c long Data:TimeOnly:00NEm0000010008
Hotline__c string Data:Phone:00NEm0000010009
Billing_Email__c string Data:Email:00NEm000001000A
Depot_Location__c Location Data:Location:00NEm000001000B
Certificates__c string Data:MultiEnum:00NEm000001000C
Terms__c string Data:HtmlStringPlusClob:00NEm000001000D
Tax_Number__c string Data:EncryptedText:00NEm000001000E
Portal__c string Data:Url:00NEm000001000F
Ledger_Key__c string Data:Text:00NEm000001000G
Is_Partner__c boolean Data:Boolean:00NEm000001000H
)";

constexpr std::string_view account_added = R"(
Credit_Hold__c boolean Data:Boolean:00NEm000001000T
)";

constexpr std::string_view account_tail = R"(
Dialect__pc string Data:DynamicEnum:00NEm0000020001
Nickname__pc string Data:Text:00NEm0000020002
Loyalty_Points__pc double Data:Double:00NEm0000020003
)";

constexpr std::string_view contact_fields = R"(
AccountId string ForeignKey:EntityId
IsPersonAccount boolean Data:Boolean
Name PersonName Data:PersonName
OtherAddress Address Data:Address
MailingAddress Address Data:Address
Phone string Data:Phone
Fax string Data:Phone
MobilePhone string Data:Phone
HomePhone string Data:Phone
OtherPhone string Data:Phone
AssistantPhone string Data:Phone
ReportsToId string ForeignKey:EntityId
Email string Data:Email
Title string Data:Text
Department string Data:Text
AssistantName string Data:Text
LeadSource string Data:DynamicEnum
Birthdate long Data:DateOnly
Description string Data:StringPlusClob
OwnerId string ForeignKey:EntityId
HasOptedOutOfEmail boolean Data:Boolean
HasOptedOutOfFax boolean Data:Boolean
DoNotCall boolean Data:Boolean
CreatedDate long CreatedDate:DateTime
CreatedById string ForeignKey:EntityId
LastModifiedDate long Data:DateTime
LastModifiedById string ForeignKey:EntityId
LastCURequestDate long Data:DateTime
LastCUUpdateDate long Data:DateTime
EmailBouncedReason string Data:Text
EmailBouncedDate long Data:DateTime
Jigsaw string Data:Text
JigsawContactId string ExternalForeignKey:ExternalId
CleanStatus string Data:StaticEnum
IndividualId string ForeignKey:EntityId
Pronouns string Data:DynamicEnum
GenderIdentity string Data:DynamicEnum
ContactSource string Data:StaticEnum
BuyerAttributes string Data:MultiEnum
Dialect__c string Data:DynamicEnum:00NEm0000020001
Nickname__c string Data:Text:00NEm0000020002
Loyalty_Points__c double Data:Double:00NEm0000020003
)";

constexpr std::string_view invoice_fields = R"(
OwnerId string ForeignKey:EntityId
Name string Data:Text
CreatedDate long CreatedDate:DateTime
CreatedById string ForeignKey:EntityId
LastModifiedDate long Data:DateTime
LastModifiedById string ForeignKey:EntityId
Account__c string ForeignKey:EntityId:00NEm0000030001
Is_Paid__c boolean Data:Boolean:00NEm0000030002
Total__c double Data:Currency:00NEm0000030003
Due_Date__c long Data:DateOnly:00NEm0000030004
Sent_At__c long Data:DateTime:00NEm0000030005
Recipient__c string Data:Email:00NEm0000030006
Origin__c Location Data:Location:00NEm0000030007
Destination__c Location Data:Location:00NEm0000030008
Lines__c double Data:Double:00NEm0000030009
Vat_Rate__c double Data:Percent:00NEm000003000A
Support_Line__c string Data:Phone:00NEm000003000B
State__c string Data:DynamicEnum:00NEm000003000C
Labels__c string Data:MultiEnum:00NEm000003000D
Remark__c string Data:Text:00NEm000003000E
Letter__c string Data:HtmlStringPlusClob:00NEm000003000F
Iban__c string Data:EncryptedText:00NEm000003000G
Cutoff_Time__c long Data:TimeOnly:00NEm000003000H
Document__c string Data:Url:00NEm000003000I
)";

constexpr std::string_view order_event_fields = R"(
CreatedDate long CreatedDate:DateTime
CreatedById string CreatedBy:EntityId
Order_Number__c string Data:Text:00NEm0000040001
City__c string Data:Text:00NEm0000040002
Amount__c double Data:Double:00NEm0000040003
)";

const std::array<record_shape, 4>& compounds() {
    static const std::array<record_shape, 4> shapes = [] {
        const auto shape = [](std::string name, std::string_view strings_and_doubles) {
            record_shape made{std::move(name), {}};
            std::istringstream words{std::string(strings_and_doubles)};
            // A leading '#' marks a double, all the rest are strings.
            for (std::string word; words >> word;) {
                const bool number = word.front() == '#';
                made.fields.push_back({number ? word.substr(1) : word, number ? "double" : "string", {}});
            }
            return made;
        };
        return std::array{
            shape("Address", "Street City State PostalCode Country StateCode CountryCode #Latitude #Longitude "
                             "GeocodeAccuracy"),
            shape("Location", "#Latitude #Longitude"),
            shape("PersonName", "Salutation FirstName LastName"),
            shape("Switchable_PersonName", "Salutation FirstName LastName"),
        };
    }();
    return shapes;
}

void append_fields(std::vector<field_shape>& fields, std::string_view lines) {
    std::istringstream words{std::string(lines)};
    for (field_shape field; words >> field.name >> field.type >> field.doc;) {
        field.or_string = field.type.front() == '?';
        if (field.or_string) field.type.erase(0, 1);
        field.compound = nullptr;
        for (const auto& shape : compounds())
            if (shape.name == field.type) field.compound = &shape;
        fields.push_back(field);
    }
}

ordered_json nullable_field(const field_shape& field, ordered_json branch) {
    ordered_json type = ordered_json::array({"null"});
    if (field.or_string) type.push_back("string");
    type.push_back(std::move(branch));
    ordered_json made{{"name", field.name}, {"type", std::move(type)}};
    if (!field.doc.empty()) made["doc"] = field.doc;
    made["default"] = nullptr;
    return made;
}

ordered_json header_field() {
    const auto field = [](const char* name, ordered_json type) {
        return ordered_json{{"name", name}, {"type", std::move(type)}};
    };
    const ordered_json strings{{"type", "array"}, {"items", "string"}};
    const ordered_json change_type{{"type", "enum"},
                                   {"name", "ChangeType"},
                                   {"symbols",
                                    {"CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE",
                                     "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"}}};
    const ordered_json fields = ordered_json::array(
        {field("entityName", "string"), field("recordIds", strings), field("changeType", change_type),
         field("changeOrigin", "string"), field("transactionKey", "string"), field("sequenceNumber", "int"),
         field("commitTimestamp", "long"), field("commitNumber", "long"), field("commitUser", "string"),
         field("nulledFields", strings), field("diffFields", strings), field("changedFields", strings)});
    return {{"name", "ChangeEventHeader"},
            {"type", {{"type", "record"}, {"name", "ChangeEventHeader"}, {"fields", fields}}},
            {"doc", "Data:ComplexValueType"}};
}

ordered_json schema_json(const event_schema& schema) {
    ordered_json fields = ordered_json::array();
    std::set<std::string> defined; // a compound is spelled out once, later uses are by name
    for (std::size_t position = 0; position < schema.fields.size(); ++position) {
        const field_shape& field = schema.fields[position];
        if (schema.is_change_event() && position == 0) {
            fields.push_back(header_field());
        } else if (!schema.is_change_event() && position < 2) {
            fields.push_back({{"name", field.name}, {"type", field.type}, {"doc", field.doc}});
        } else if (field.compound && defined.insert(field.type).second) {
            ordered_json children = ordered_json::array();
            for (const auto& child : field.compound->fields) children.push_back(nullable_field(child, child.type));
            fields.push_back(
                nullable_field(field, {{"type", "record"}, {"name", field.type}, {"fields", std::move(children)}}));
        } else {
            fields.push_back(nullable_field(field, field.type));
        }
    }
    return {{"type", "record"},
            {"name", schema.record_name},
            {"namespace", "com.sforce.eventbus"},
            {"fields", std::move(fields)}};
}

void add_json(event_schema& to) {
    to.json = schema_json(to).dump();
    to.id = schema_id_of(to.json);
}

event_schema make_schema(std::string record_name, std::string entity_name,
                         std::initializer_list<std::string_view> field_lines) {
    event_schema schema;
    const bool platform_event = record_name.ends_with("__e");
    schema.topic_name = (platform_event ? "/event/" : "/data/") + record_name;
    schema.record_name = std::move(record_name);
    schema.entity_name = std::move(entity_name);
    if (!platform_event) schema.fields.push_back({"ChangeEventHeader", "ChangeEventHeader", "Data:ComplexValueType"});
    for (const auto lines : field_lines) append_fields(schema.fields, lines);
    add_json(schema);
    return schema;
}

} // namespace

std::vector<field_shape> fields_from(std::string_view lines) {
    std::vector<field_shape> fields;
    append_fields(fields, lines);
    return fields;
}

event_schema make_change_event_schema(std::string record_name, std::string entity_name,
                                      std::vector<field_shape> fields) {
    event_schema schema = make_schema(std::move(record_name), std::move(entity_name), {});
    schema.fields.insert(schema.fields.end(), std::make_move_iterator(fields.begin()),
                         std::make_move_iterator(fields.end()));
    add_json(schema);
    return schema;
}

event_schema make_platform_event_schema(const std::string& name) {
    return make_schema(name, name, {order_event_fields});
}

std::size_t event_schema::position(std::string_view field_name) const {
    for (std::size_t at = 0; at < fields.size(); ++at)
        if (fields[at].name == field_name) return at;
    throw std::out_of_range(record_name + " has no field " + std::string(field_name));
}

const org_schemas& all_schemas() {
    static const org_schemas schemas{
        make_schema("AccountChangeEvent", "Account", {account_head, account_tail}),
        make_schema("AccountChangeEvent", "Account", {account_head, account_added, account_tail}),
        make_schema("ContactChangeEvent", "Contact", {contact_fields}),
        make_schema("Invoice__ChangeEvent", "Invoice__c", {invoice_fields}),
        make_schema("Order_Event__e", "Order_Event__e", {order_event_fields}),
    };
    return schemas;
}

} // namespace emulator
