# Conan 2. `conan create packaging/conan` in a checkout or an unpacked release packages the headers around it.
import pathlib
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class SfcdcConan(ConanFile):
    name = "sfcdc"
    description = "Decodes Salesforce change events without copies, and speaks Pub/Sub API and Zerobus without I/O"
    license = "Apache-2.0"
    topics = ("salesforce", "change-data-capture", "avro", "databricks", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    def _root(self):
        return pathlib.Path(self.recipe_folder).parent.parent

    # Both run where the recipe lies, before it is copied into Conan's cache.
    def set_version(self):
        header = (self._root() / "include/sfcdc/version.hpp").read_text(encoding="utf-8")
        self.version = re.search(r'version = "([^"]+)"', header).group(1)

    def export_sources(self):
        copy(self, "LICENSE", self._root(), self.export_sources_folder)
        copy(self, "include/sfcdc/*.hpp", self._root(), self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, pathlib.Path(self.package_folder) / "licenses")
        copy(self, "include/*", self.source_folder, self.package_folder)

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "sfcdc")
        self.cpp_info.set_property("cmake_target_name", "sfcdc::sfcdc")
        self.cpp_info.set_property("pkg_config_name", "sfcdc")
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
