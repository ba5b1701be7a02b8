#include "soap_messages.hpp"

#include "../../io/url.hpp"

#include <pugixml.hpp>

namespace sfcdc::runner::salesforce {
namespace {

constexpr std::size_t longest_code = 64;
constexpr std::string_view of_a_code = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

struct text_writer final : pugi::xml_writer {
    std::string text;
    void write(const void* data, std::size_t size) override { text.append(static_cast<const char*>(data), size); }
};

// Prefixes are the peer's choice.
std::string_view local_name(std::string_view name) {
    const std::size_t colon = name.find(':');
    return colon == name.npos ? name : name.substr(colon + 1);
}
pugi::xml_node child(const pugi::xml_node& of, std::string_view name) {
    for (const pugi::xml_node& n : of.children())
        if (n.type() == pugi::node_element && local_name(n.name()) == name) return n;
    return {};
}

std::string origin_of(const std::string& url) {
    const auto parts = url_parts::of(url);
    if (!parts || parts->has_user) return {};
    return parts->scheme + "://" + parts->host + (parts->port.empty() ? "" : ":" + parts->port);
}

} // namespace

std::string soap_login(std::string_view username, std::string_view password) {
    pugi::xml_document document;
    pugi::xml_node envelope = document.append_child("soapenv:Envelope");
    envelope.append_attribute("xmlns:soapenv") = "http://schemas.xmlsoap.org/soap/envelope/";
    envelope.append_attribute("xmlns:urn") = "urn:partner.soap.sforce.com";
    pugi::xml_node login = envelope.append_child("soapenv:Body").append_child("urn:login");
    login.append_child("urn:username").text() = std::string(username).c_str();
    login.append_child("urn:password").text() = std::string(password).c_str();
    text_writer out;
    document.save(out, "", pugi::format_raw, pugi::encoding_utf8);
    return out.text;
}

soap_answer read_soap_answer(std::string_view body) {
    soap_answer out;
    // SOAP 1.1, section 3: a message has no document type declaration.
    if (body.size() > longest_soap_answer || body.find("<!DOCTYPE") != body.npos) return out;
    pugi::xml_document document;
    if (!document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8)) return out;
    const pugi::xml_node message = child(child(document, "Envelope"), "Body");
    if (const pugi::xml_node fault = child(message, "Fault")) {
        const std::string_view code = local_name(child(fault, "faultcode").child_value());
        if (code.empty()) return out;
        out.soap = true;
        const bool well_formed = code.size() <= longest_code && code.find_first_not_of(of_a_code) == code.npos;
        out.fault_code = well_formed ? std::string(code) : "a fault that is no code of SOAP";
        out.fault_text = child(fault, "faultstring").child_value();
        // It begins with the code again.
        if (const std::string again = out.fault_code + ": "; out.fault_text.starts_with(again))
            out.fault_text.erase(0, again.size());
        return out;
    }
    const pugi::xml_node result = child(child(message, "loginResponse"), "result");
    if (!result) return out;
    out.soap = true;
    out.token.access_token = child(result, "sessionId").child_value();
    out.token.instance_url = origin_of(child(result, "serverUrl").child_value());
    const std::string org_id = child(child(result, "userInfo"), "organizationId").child_value();
    if (is_org_id(org_id)) out.token.org_id = org_id;
    out.token.org_certain = !out.token.org_id.empty();
    out.password_expired = std::string_view(child(result, "passwordExpired").child_value()) == "true";
    return out;
}

} // namespace sfcdc::runner::salesforce
