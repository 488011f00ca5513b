{
  "targets": [
    {
      "target_name": "packetwalk",
      "sources": [
        "<!@(ls native/*.cc native/ports/*.cc native/conntrack/*.cc native/addon/*.cc)"
      ],
      "include_dirs": ["<!@(node -p \"require('node-addon-api').include\")", "native"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS_ALL"],
      "cflags": ["-O3", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc": ["-std=c++20", "-fno-strict-aliasing"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
      "ldflags": ["-pthread"]
    }
  ]
}
