#include "disk/durable_file.hpp"

#include "catch.hpp"
#include "folder.hpp"
#include "operations/failure.hpp"

#include <csignal>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using sfcdc::runner::exit_code;
using sfcdc::runner::failure;
using sfcdc::runner::line_file;
using sfcdc::runner::prove_folder;
using sfcdc::runner::replaced_file;

// What a call says, with its exit code in front; "" when it says nothing.
template<class Call> std::string said(Call&& call) {
    try {
        call();
        return {};
    } catch (const failure& f) {
        return std::to_string(static_cast<int>(f.code())) + " " + f.what();
    }
}
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// No file of this process grows beyond so many bytes, as on a full disk.
class file_limit {
  public:
    explicit file_limit(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &small);
    }
    ~file_limit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    file_limit(const file_limit&) = delete;
    file_limit& operator=(const file_limit&) = delete;

  private:
    rlimit before_{};
};

} // namespace

TEST_CASE("lines are appended behind those that are there") {
    const test::folder f;
    f.write("x", "{\"a\":1}\n");
    {
        line_file file(f / "x");
        file.append("{\"a\":2}\n{\"a\":3}\n");
        file.append("{\"a\":4}\n");
    }
    CHECK(f.read("x") == "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}\n");
    struct stat made{};
    line_file(f / "y").append("{}\n");
    REQUIRE(::stat((f / "y").c_str(), &made) == 0);
    CHECK((made.st_mode & 0777) == 0600); // customer data
}

TEST_CASE("an unfinished last line is mended before anything is appended") {
    const test::folder f;
    SECTION("the beginning of an object is cut off, however long it is") {
        for (const std::size_t size : {1u, 4'095u, 4'096u, 4'097u, 20'000u}) {
            f.write("x", "{\"a\":1}\n{\"b\":\"" + std::string(size, 'x'));
            line_file(f / "x").append("{\"a\":2}\n");
            CHECK(f.read("x") == "{\"a\":1}\n{\"a\":2}\n");
        }
        f.write("x", "{\"b\":\"x");
        line_file(f / "x").append("{\"a\":2}\n");
        CHECK(f.read("x") == "{\"a\":2}\n");
    }
    SECTION("an object that is whole but for its line feed gets one") {
        f.write("x", "{\"a\":1}");
        line_file(f / "x").append("{\"a\":2}\n");
        CHECK(f.read("x") == "{\"a\":1}\n{\"a\":2}\n");
    }
    SECTION("text that is not ours is not touched") {
        f.write("x", "notes\nof somebody");
        CHECK(has(said([&] { line_file(f / "x").append("{}\n"); }), "its last line has no end and is not of sfcdc"));
        CHECK(f.read("x") == "notes\nof somebody");
    }
    SECTION("a file that ends in a whole line, and an empty one") {
        f.write("x", "notes of somebody\n");
        line_file(f / "x").append("{}\n");
        CHECK(f.read("x") == "notes of somebody\n{}\n");
        f.write("x", "");
        line_file(f / "x").append("{}\n");
        CHECK(f.read("x") == "{}\n");
    }
}

TEST_CASE("a line that the disk has no room for leaves no part of itself") {
    const test::folder f;
    line_file file(f / "x");
    file.append("{\"a\":1}\n");
    {
        const file_limit full(12);
        const std::string why = said([&] { file.append("{\"a\":\"" + std::string(100, 'x') + "\"}\n"); });
        CHECK(why.starts_with("1 "));
        CHECK(has(why, "cannot write"));
    }
    CHECK(f.read("x") == "{\"a\":1}\n");
    file.append("{\"a\":2}\n");
    CHECK(f.read("x") == "{\"a\":1}\n{\"a\":2}\n");
}

TEST_CASE("a file that is moved or deleted is begun anew at its path, with the lines that were being written") {
    const test::folder f;
    line_file file(f / "x");
    file.append("{\"a\":1}\n");
    std::filesystem::rename(f / "x", f / "x.1"); // a rotation of logs
    file.append("{\"a\":2}\n");
    CHECK(f.read("x.1").starts_with("{\"a\":1}\n"));
    CHECK(f.read("x") == "{\"a\":2}\n");
    std::filesystem::remove(f / "x");
    file.append("{\"a\":3}\n");
    CHECK(f.read("x") == "{\"a\":3}\n");
}

TEST_CASE("two writers of one file: the second is refused") {
    const test::folder f;
    line_file first(f / "x"), second(f / "x");
    first.append("{}\n");
    CHECK(said([&] { second.append("{}\n"); }).find("another pipeline of this process writes to this file")
          != std::string::npos);
    CHECK(f.read("x") == "{}\n");
}

TEST_CASE("a device and a pipe take lines, without a lock or a disk") {
    const test::folder f;
    CHECK(said([&] {
              line_file device("/dev/null");
              device.prove();
              device.append("{}\n");
          }).empty());
    REQUIRE(::mkfifo((f / "p").c_str(), 0600) == 0);
    const int reader = ::open((f / "p").c_str(), O_RDONLY | O_NONBLOCK);
    line_file pipe(f / "p");
    pipe.prove();
    pipe.append("{}\n");
    char read[8] = {};
    CHECK(::read(reader, read, sizeof read) == 3);
    ::close(reader);
}

TEST_CASE("files are proved, and none is left behind") {
    const test::folder f;
    CHECK(said([&] { line_file(f / "x").prove(); }).empty());
    CHECK(said([&] { replaced_file(f / "x").prove(); }).empty());
    CHECK(f.entries() == 0);
    f.write("x", "{}\n");
    CHECK(said([&] { line_file(f / "x").prove(); }).empty());
    CHECK(said([&] { replaced_file(f / "x").prove(); }).empty());
    CHECK(f.read("x") == "{}\n");
    CHECK(f.entries() == 1);
}

TEST_CASE("what cannot be written is said with its name, as a mistake of the configuration") {
    const test::folder f;
    std::filesystem::create_directory(f / "folder");
    std::filesystem::create_symlink(f / "elsewhere", f / "link");
    f.write("file", "");
    const auto both = [&](const std::filesystem::path& path, const char* why) {
        INFO(path);
        for (const std::string& text :
             {said([&] { line_file(path).prove(); }), said([&] { replaced_file(path).prove(); })}) {
            CHECK(text.starts_with("2 " + path.string()));
            CHECK(has(text, why));
        }
    };
    both(f / "folder", "is a folder");
    both(f / "none" / "x", "does not exist; make it, or mount it");
    both(f / "file" / "x", "");
    CHECK(has(said([&] { replaced_file(f / "link").prove(); }), "is a link to "));
    CHECK(has(said([&] { replaced_file(f / "link").prove(); }), "name the file"));
    CHECK(has(said([&] { replaced_file("/dev/null").prove(); }), "is no regular file"));
}

TEST_CASE("a disk that is full when files are proved is no mistake of the configuration") {
    const test::folder f;
    const file_limit full(100);
    const std::string why = said([&] { replaced_file(f / "x").prove(); });
    CHECK(why.starts_with("1 "));
    CHECK(f.entries() == 0);
}

TEST_CASE("a folder named sfcdc is made where only it is missing") {
    const test::folder f;
    prove_folder(f / "sfcdc" / "x");
    struct stat made{};
    REQUIRE(::stat((f / "sfcdc").c_str(), &made) == 0);
    CHECK((made.st_mode & 0777) == 0700);
    prove_folder(f / "sfcdc" / "x"); // it is there
    CHECK(said([&] { prove_folder(f / "state" / "x"); }).starts_with("2 "));
    CHECK(said([&] { prove_folder(f / "state" / "sfcdc" / "x"); }).starts_with("2 "));
    CHECK(f.entries() == 1);
}

TEST_CASE("a file is replaced as a whole, or not at all") {
    const test::folder f;
    const replaced_file file(f / "x");
    file.replace("one\n");
    file.replace("two\n");
    CHECK(f.read("x") == "two\n");
    {
        const file_limit full(2);
        CHECK(said([&] { file.replace("three\n"); }).starts_with("1 "));
    }
    CHECK(f.read("x") == "two\n");
    std::filesystem::create_symlink(f / "x", f / "y.new"); // somebody's link in the place of the draft
    CHECK(said([&] { replaced_file(f / "y").replace("four\n"); }).starts_with("1 "));
    CHECK(f.read("x") == "two\n");
}
