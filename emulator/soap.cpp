#include "soap.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace emulator {
namespace {

constexpr std::string_view envelope_begin =
    R"(<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" )";

constexpr std::array<std::pair<std::string_view, char>, 5> entities = {
    {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};

// ASCII is enough: clients write other characters as they are.
std::optional<char> referenced(std::string_view name) {
    for (const auto& [entity, meaning] : entities)
        if (entity == name) return meaning;
    if (!name.starts_with('#')) return std::nullopt;
    const bool hex = name.starts_with("#x");
    name.remove_prefix(hex ? 2 : 1);
    int code = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), code, hex ? 16 : 10);
    if (bad != std::errc() || end != name.data() + name.size() || code <= 0 || code > 127) return std::nullopt;
    return static_cast<char>(code);
}

std::string element(std::string_view name, std::string_view text) {
    return "<" + std::string(name) + ">" + xml_escaped(text) + "</" + std::string(name) + ">";
}

} // namespace

std::optional<std::string> element_text(std::string_view xml, std::string_view name) {
    for (std::size_t at = 0; (at = xml.find('<', at)) != xml.npos; ++at) {
        const std::size_t end = xml.find('>', at);
        if (end == xml.npos) return std::nullopt;
        std::string_view tag = xml.substr(at + 1, end - at - 1);
        tag = tag.substr(0, tag.find_first_of(" \t\r\n"));
        if (const std::size_t colon = tag.find(':'); colon != tag.npos) tag.remove_prefix(colon + 1);
        if (tag != name || xml[at + 1] == '/') continue;
        std::string_view text = xml.substr(end + 1);
        text = text.substr(0, text.find('<'));
        if (!xml.substr(end + 1 + text.size()).starts_with("</")) return std::nullopt;
        std::string out;
        while (!text.empty()) {
            const std::size_t reference = text.find('&');
            out += text.substr(0, reference);
            if (reference == text.npos) break;
            const std::size_t semicolon = text.find(';', reference);
            if (semicolon == text.npos) return std::nullopt;
            const auto meaning = referenced(text.substr(reference + 1, semicolon - reference - 1));
            if (!meaning) return std::nullopt;
            out += *meaning;
            text.remove_prefix(semicolon + 1);
        }
        return out;
    }
    return std::nullopt;
}

std::string xml_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        bool escaped = false;
        for (const auto& [entity, meaning] : entities)
            if (meaning == c) out += "&" + std::string(entity) + ";", escaped = true;
        if (!escaped) out += c;
    }
    return out;
}

std::string soap_fault(std::string_view code, std::string_view sentence) {
    const std::string name(code), said = name + ": " + std::string(sentence);
    return std::string(envelope_begin)
           + "xmlns:sf=\"urn:fault.partner.soap.sforce.com\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
             "<soapenv:Body><soapenv:Fault>"
           + element("faultcode", "sf:" + name) + element("faultstring", said)
           + "<detail><sf:LoginFault xsi:type=\"sf:LoginFault\">" + element("sf:exceptionCode", name)
           + element("sf:exceptionMessage", sentence)
           + "</sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>";
}

std::string soap_result(const soap_session& s) {
    const auto server = [&](const char* kind) {
        return s.instance_url + "/services/Soap/" + kind + "/" + s.version + "/" + s.org_id.substr(0, 15);
    };
    return std::string(envelope_begin) + "xmlns=\"urn:partner.soap.sforce.com\"><soapenv:Body><loginResponse><result>"
           + element("metadataServerUrl", server("m")) + element("passwordExpired", "false")
           + element("sandbox", "false") + element("serverUrl", server("u")) + element("sessionId", s.session_id)
           + element("userId", s.user_id) + "<userInfo>" + element("organizationId", s.org_id)
           + element("userId", s.user_id) + element("userName", s.username)
           + "</userInfo></result></loginResponse></soapenv:Body></soapenv:Envelope>";
}

} // namespace emulator
