/* Media types: the common endings, sorted for a binary search (a test sees to it). */
#include "http/mime.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TEXT(type) type "; charset=utf-8"

struct mime {
    char ending[12];
    const char *type;
};

static const struct mime types[] = {
    { "3gp", "video/3gpp" },
    { "7z", "application/x-7z-compressed" },
    { "aac", "audio/aac" },
    { "aif", "audio/aiff" },
    { "apk", "application/vnd.android.package-archive" },
    { "apng", "image/apng" },
    { "asc", TEXT("text/plain") },
    { "atom", TEXT("application/atom+xml") },
    { "avi", "video/x-msvideo" },
    { "avif", "image/avif" },
    { "bmp", "image/bmp" },
    { "br", "application/x-brotli" },
    { "bz2", "application/x-bzip2" },
    { "c", TEXT("text/plain") },
    { "cc", TEXT("text/plain") },
    { "cjs", TEXT("text/javascript") },
    { "conf", TEXT("text/plain") },
    { "cpp", TEXT("text/plain") },
    { "css", TEXT("text/css") },
    { "csv", TEXT("text/csv") },
    { "deb", "application/vnd.debian.binary-package" },
    { "doc", "application/msword" },
    { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
    { "eot", "application/vnd.ms-fontobject" },
    { "epub", "application/epub+zip" },
    { "flac", "audio/flac" },
    { "gif", "image/gif" },
    { "glb", "model/gltf-binary" },
    { "gltf", "model/gltf+json" },
    { "go", TEXT("text/plain") },
    { "gz", "application/gzip" },
    { "h", TEXT("text/plain") },
    { "heic", "image/heic" },
    { "hpp", TEXT("text/plain") },
    { "htm", TEXT("text/html") },
    { "html", TEXT("text/html") },
    { "ico", "image/vnd.microsoft.icon" },
    { "ics", TEXT("text/calendar") },
    { "ini", TEXT("text/plain") },
    { "iso", "application/x-iso9660-image" },
    { "jar", "application/java-archive" },
    { "java", TEXT("text/plain") },
    { "jpeg", "image/jpeg" },
    { "jpg", "image/jpeg" },
    { "js", TEXT("text/javascript") },
    { "json", "application/json" },
    { "jsonld", "application/ld+json" },
    { "jxl", "image/jxl" },
    { "log", TEXT("text/plain") },
    { "m3u8", "application/vnd.apple.mpegurl" },
    { "m4a", "audio/mp4" },
    { "m4v", "video/mp4" },
    { "map", "application/json" },
    { "md", TEXT("text/markdown") },
    { "mid", "audio/midi" },
    { "mjs", TEXT("text/javascript") },
    { "mkv", "video/x-matroska" },
    { "mov", "video/quicktime" },
    { "mp3", "audio/mpeg" },
    { "mp4", "video/mp4" },
    { "mpeg", "video/mpeg" },
    { "mpg", "video/mpeg" },
    { "odp", "application/vnd.oasis.opendocument.presentation" },
    { "ods", "application/vnd.oasis.opendocument.spreadsheet" },
    { "odt", "application/vnd.oasis.opendocument.text" },
    { "oga", "audio/ogg" },
    { "ogg", "audio/ogg" },
    { "ogv", "video/ogg" },
    { "opus", "audio/ogg" },
    { "otf", "font/otf" },
    { "pdf", "application/pdf" },
    { "php", TEXT("text/plain") },
    { "png", "image/png" },
    { "ppt", "application/vnd.ms-powerpoint" },
    { "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
    { "ps", "application/postscript" },
    { "py", TEXT("text/plain") },
    { "rar", "application/vnd.rar" },
    { "rb", TEXT("text/plain") },
    { "rs", TEXT("text/plain") },
    { "rss", TEXT("application/rss+xml") },
    { "rtf", "application/rtf" },
    { "sh", TEXT("text/plain") },
    { "svg", TEXT("image/svg+xml") },
    { "svgz", "image/svg+xml" },
    { "tar", "application/x-tar" },
    { "tgz", "application/gzip" },
    { "tif", "image/tiff" },
    { "tiff", "image/tiff" },
    { "toml", TEXT("application/toml") },
    { "ts", "video/mp2t" },
    { "ttf", "font/ttf" },
    { "txt", TEXT("text/plain") },
    { "vcf", TEXT("text/vcard") },
    { "vtt", TEXT("text/vtt") },
    { "wasm", "application/wasm" },
    { "wav", "audio/wav" },
    { "weba", "audio/webm" },
    { "webm", "video/webm" },
    { "webmanifest", "application/manifest+json" },
    { "webp", "image/webp" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "xhtml", TEXT("application/xhtml+xml") },
    { "xls", "application/vnd.ms-excel" },
    { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
    { "xml", TEXT("application/xml") },
    { "xz", "application/x-xz" },
    { "yaml", TEXT("application/yaml") },
    { "yml", TEXT("application/yaml") },
    { "zip", "application/zip" },
    { "zst", "application/zstd" },
};

static const unsigned types_len = sizeof types / sizeof types[0];

static int compare(const void *key, const void *element)
{
    const struct mime *mime = element;

    return strcasecmp(key, mime->ending);
}

const char *http_mime_type(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name;
    const char *dot = strrchr(base, '.');
    const struct mime *mime = NULL;

    if (dot != NULL && dot > base)
        mime = bsearch(dot + 1, types, types_len, sizeof types[0], compare);
    else if (strcmp(base, "README") == 0 || strcmp(base, "LICENSE") == 0 ||
             strcmp(base, "Makefile") == 0)
        return TEXT("text/plain");
    return mime != NULL ? mime->type : "application/octet-stream";
}

const char *http_mime_ending(unsigned n)
{
    return n < types_len ? types[n].ending : NULL;
}
