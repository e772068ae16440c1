/* The simulated disk beside the kernel's: the same calls, of chance, on both, must answer the same,
   and leave the same files. */
#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALLS 400
#define OPEN_MAX_HERE 6

/* Descriptors of both, made by the same calls; the first is of the directory where all happens. */
struct both {
    int sim, kernel;
};
static struct both open_files[OPEN_MAX_HERE];
static unsigned open_len;
static char called[200];

static void check_same(long sim, int sim_error, long kernel, int kernel_error)
{
    if ((sim < 0) == (kernel < 0) && (sim >= 0 || sim_error == kernel_error))
        return;
    world_failures++;
    fprintf(stderr, "%s: %ld (%s) in the simulation, %ld (%s) in the kernel\n", called, sim,
            sim < 0 ? strerror(sim_error) : "", kernel, kernel < 0 ? strerror(kernel_error) : "");
}

/* Makes a call in both worlds. */
#define BOTH(sim_call, kernel_call)                   \
    do {                                              \
        long sim_ = (long)(sim_call);                 \
        int sim_error_ = errno;                       \
        long kernel_ = (long)(kernel_call);           \
        check_same(sim_, sim_error_, kernel_, errno); \
    } while (0)

/* --- what is drawn --- */

/* Names of one or two letters; odd: rarely with a dot, two, or nothing in it. Never out of the
   directory: what a symbolic link says goes down alone, and a path up once, behind a name. */
static const char *draw_path(bool odd)
{
    static const char *const names[] = { "a", "b", "c", ".", "..", "" };
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];
    unsigned parts = 1 + dure_sim_draw(3);

    *path = '\0';
    if (odd && dure_sim_draw(60) == 0)
        return dure_sim_draw(2) ? "." : path;
    for (unsigned i = 0; i < parts; i++) {
        strcat(path, names[odd && i == 1 && dure_sim_draw(8) == 0 ? 3 + dure_sim_draw(3)
                                                                  : dure_sim_draw(3)]);
        if (i + 1 < parts || dure_sim_draw(15) == 0)
            strcat(path, "/");
    }
    return path;
}

static const char *some_path(void)
{
    return draw_path(true);
}

static struct both some_dir(void)
{
    return open_files[dure_sim_draw(8) ? 0 : dure_sim_draw(open_len)];
}

static int some_of(const int *all, unsigned len)
{
    return all[dure_sim_draw(len)];
}
#define SOME_OF(...) \
    some_of((const int[]){ __VA_ARGS__ }, sizeof((int[]){ __VA_ARGS__ }) / sizeof(int))

/* --- calls --- */

static void call_open(void)
{
    int flags = SOME_OF(O_RDONLY, O_WRONLY, O_RDWR) | O_NONBLOCK | O_CLOEXEC |
                SOME_OF(0, 0, O_CREAT, O_CREAT | O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW,
                        O_PATH, O_PATH | O_NOFOLLOW);
    struct both dir = some_dir(), fd;
    const char *path = some_path();
    int sim_error;

    snprintf(called, sizeof called, "openat(\"%s\", %#o)", path, (unsigned)flags);
    fd.sim = dure_openat(dir.sim, path, flags, 0640);
    sim_error = errno;
    fd.kernel = openat(dir.kernel, path, flags, 0640);
    check_same(fd.sim, sim_error, fd.kernel, errno);
    if (fd.sim < 0 || fd.kernel < 0 || open_len == OPEN_MAX_HERE) {
        if (fd.sim >= 0)
            dure_close(fd.sim);
        if (fd.kernel >= 0)
            close(fd.kernel);
        return;
    }
    open_files[open_len++] = fd;
}

static void call_close(void)
{
    unsigned at = 1 + dure_sim_draw(OPEN_MAX_HERE);

    if (at >= open_len)
        return;
    strcpy(called, "close");
    BOTH(dure_close(open_files[at].sim), close(open_files[at].kernel));
    open_files[at] = open_files[--open_len];
}

static void call_names(void)
{
    struct both dir = some_dir(), other = some_dir();
    const char *path = some_path(), *new_path = some_path();
    int flags;

    switch (dure_sim_draw(7)) {
    case 0:
        snprintf(called, sizeof called, "mkdirat(\"%s\")", path);
        BOTH(dure_mkdirat(dir.sim, path, 0750), mkdirat(dir.kernel, path, 0750));
        break;
    case 1:
        flags = SOME_OF(0, AT_REMOVEDIR);
        snprintf(called, sizeof called, "unlinkat(\"%s\", %d)", path, flags);
        BOTH(dure_unlinkat(dir.sim, path, flags), unlinkat(dir.kernel, path, flags));
        break;
    case 2:
    case 3:
        flags = SOME_OF(0, 0, 1 /* RENAME_NOREPLACE */);
        snprintf(called, sizeof called, "renameat2(\"%s\", \"%s\", %d)", path, new_path, flags);
        BOTH(dure_renameat2(dir.sim, path, other.sim, new_path, (unsigned)flags),
             renameat2(dir.kernel, path, other.kernel, new_path, (unsigned)flags));
        break;
    case 4:
        flags = SOME_OF(0, AT_SYMLINK_FOLLOW, 77);
        snprintf(called, sizeof called, "linkat(\"%s\", \"%s\", %d)", path, new_path, flags);
        BOTH(dure_linkat(dir.sim, path, other.sim, new_path, flags),
             linkat(dir.kernel, path, other.kernel, new_path, flags));
        break;
    case 5:
        path = draw_path(false);
        snprintf(called, sizeof called, "symlinkat(\"%s\", \"%s\")", path, new_path);
        BOTH(dure_symlinkat(path, dir.sim, new_path), symlinkat(path, dir.kernel, new_path));
        break;
    default:
        snprintf(called, sizeof called, "mkfifoat(\"%s\")", path);
        BOTH(dure_mkfifoat(dir.sim, path, 0600), mkfifoat(dir.kernel, path, 0600));
    }
}

static void call_attributes(void)
{
    const struct timespec times[2] = { { 1000, SOME_OF(1, UTIME_OMIT, -3) }, { 2000, 2 } };
    struct both dir = some_dir(), fd = open_files[dure_sim_draw(open_len)];
    const char *path = some_path();
    mode_t mode = (mode_t)SOME_OF(0600, 0751, 04711);
    char text[2][64] = { "", "" };
    struct stat st[2];
    int flags;

    switch (dure_sim_draw(7)) {
    case 0:
        snprintf(called, sizeof called, "fchmodat(\"%s\")", path);
        BOTH(dure_fchmodat(dir.sim, path, mode, 0), fchmodat(dir.kernel, path, mode, 0));
        break;
    case 1:
        strcpy(called, "fchmod");
        BOTH(dure_fchmod(fd.sim, mode), fchmod(fd.kernel, mode));
        break;
    case 2:
        flags = SOME_OF(0, AT_SYMLINK_NOFOLLOW, 77);
        snprintf(called, sizeof called, "utimensat(\"%s\", %d)", path, flags);
        BOTH(dure_utimensat(dir.sim, path, times, flags),
             utimensat(dir.kernel, path, times, flags));
        break;
    case 3:
        snprintf(called, sizeof called, "readlinkat(\"%s\")", path);
        BOTH(dure_readlinkat(dir.sim, path, text[0], sizeof text[0]),
             readlinkat(dir.kernel, path, text[1], sizeof text[1]));
        CHECK(strcmp(text[0], text[1]) == 0);
        break;
    case 4:
        flags = SOME_OF(F_OK, R_OK, X_OK, R_OK | W_OK, 77);
        snprintf(called, sizeof called, "faccessat(\"%s\", %d)", path, flags);
        BOTH(dure_faccessat(dir.sim, path, flags, 0), faccessat(dir.kernel, path, flags, 0));
        break;
    case 5:
        flags = SOME_OF(0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 77);
        snprintf(called, sizeof called, "fstatat(\"%s\", %d)", path, flags);
        BOTH(dure_fstatat(dir.sim, path, &st[0], flags), fstatat(dir.kernel, path, &st[1], flags));
        break;
    default:
        snprintf(called, sizeof called, "mknodat(\"%s\")", path);
        BOTH(dure_mknodat(dir.sim, path, S_IFREG | 0600, 0),
             mknodat(dir.kernel, path, S_IFREG | 0600, 0));
    }
}

static void call_content(void)
{
    struct both fd = open_files[dure_sim_draw(open_len)], to = open_files[dure_sim_draw(open_len)];
    off_t at = (off_t)dure_sim_draw(100), in[2] = { at, at }, out[2];
    off_t len = SOME_OF(0, 1, 50, 200, -1);
    size_t size = dure_sim_draw(100);
    char text[2][100] = { "some", "some" };
    struct stat st;
    int flags;

    /* What FIFOs hold is theirs: a read could take it from one world alone. */
    if (fstat(fd.kernel, &st) < 0 || S_ISFIFO(st.st_mode))
        return;
    switch (dure_sim_draw(8)) {
    case 0:
        strcpy(called, "pwrite");
        BOTH(dure_pwrite(fd.sim, text[0], size, at), pwrite(fd.kernel, text[1], size, at));
        break;
    case 1:
        strcpy(called, "pread");
        BOTH(dure_pread(fd.sim, text[0], size, at), pread(fd.kernel, text[1], size, at));
        CHECK(memcmp(text[0], text[1], sizeof text[0]) == 0);
        break;
    case 2:
        strcpy(called, "write");
        BOTH(dure_write(fd.sim, text[0], size), write(fd.kernel, text[1], size));
        break;
    case 3:
        strcpy(called, "ftruncate");
        BOTH(dure_ftruncate(fd.sim, len), ftruncate(fd.kernel, len));
        break;
    case 4:
        flags = SOME_OF(SEEK_SET, SEEK_CUR, SEEK_END, 77);
        if (S_ISDIR(st.st_mode))
            return;
        snprintf(called, sizeof called, "lseek(%ld, %d)", (long)len, flags);
        BOTH(dure_lseek(fd.sim, len, flags), lseek(fd.kernel, len, flags));
        break;
    case 5:
        if (S_ISDIR(st.st_mode))
            return;
        flags = SOME_OF(0, 1 /* FALLOC_FL_KEEP_SIZE */, 3 /* and _PUNCH_HOLE */);
        snprintf(called, sizeof called, "fallocate(%d, %ld)", flags, (long)len);
        BOTH(dure_fallocate(fd.sim, flags, at, len), fallocate(fd.kernel, flags, at, len));
        break;
    case 6:
        strcpy(called, "copy_file_range");
        out[0] = out[1] = at + SOME_OF(0, 3, 500);
        BOTH(dure_copy_file_range(fd.sim, &in[0], to.sim, &out[0], size, 0),
             copy_file_range(fd.kernel, &in[1], to.kernel, &out[1], size, 0));
        CHECK_EQ(in[0], in[1]);
        CHECK_EQ(out[0], out[1]);
        break;
    default:
        strcpy(called, "fsync");
        BOTH(dure_fsync(fd.sim), fsync(fd.kernel));
    }
}

static void call_locks(void)
{
    static const int operations[] = { LOCK_SH, LOCK_EX, LOCK_UN };
    struct both fd = open_files[dure_sim_draw(open_len)];
    short type = (short)SOME_OF(F_RDLCK, F_WRLCK, F_UNLCK);
    struct flock lock[2] = { { .l_type = type,
                               .l_whence = (short)SOME_OF(SEEK_SET, SEEK_CUR, 77),
                               .l_start = (off_t)dure_sim_draw(40) - 5,
                               .l_len = (off_t)dure_sim_draw(40) - 10 } };
    int command = SOME_OF(F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK);

    if (type == F_UNLCK && command == F_OFD_GETLK)
        return; /* of late it tells of one's own */
    lock[1] = lock[0];
    if (dure_sim_draw(3) == 0) {
        int operation = operations[dure_sim_draw(3)] | LOCK_NB;

        snprintf(called, sizeof called, "flock(%d)", operation);
        BOTH(dure_flock(fd.sim, operation), flock(fd.kernel, operation));
        return;
    }
    snprintf(called, sizeof called, "fcntl(%d) of lock %d at %d, %ld, %ld", command, type,
             lock[0].l_whence, (long)lock[0].l_start, (long)lock[0].l_len);
    BOTH(dure_fcntl(fd.sim, command, &lock[0]), fcntl(fd.kernel, command, &lock[1]));
    /* Of several that stand in the way either may be told. */
    CHECK_EQ(lock[0].l_type == F_UNLCK, lock[1].l_type == F_UNLCK);
}

/* --- what is left --- */

static unsigned count_kernel(int fd)
{
    DIR *dir = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    unsigned count = 0;

    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* The same names with the same attributes; removes them. */
static void compare_and_clear(struct both at)
{
    dure_dir *dir = dure_fdopendir(dure_openat(at.sim, ".", O_RDONLY | O_DIRECTORY));
    struct dirent *entry;
    unsigned count = 0;

    while ((entry = dure_readdir(dir))) {
        const char *name = entry->d_name;
        struct stat sim, kernel;

        count++;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        CHECK_EQ(dure_fstatat(at.sim, name, &sim, AT_SYMLINK_NOFOLLOW), 0);
        if (!CHECK_EQ(fstatat(at.kernel, name, &kernel, AT_SYMLINK_NOFOLLOW), 0))
            continue;
        CHECK_EQ(sim.st_mode, kernel.st_mode);
        CHECK_EQ(sim.st_nlink, kernel.st_nlink);
        if (!S_ISDIR(sim.st_mode))
            CHECK_EQ(sim.st_size, kernel.st_size);
        CHECK_EQ(sim.st_mtim.tv_sec == 2000, kernel.st_mtim.tv_sec == 2000);
        if (S_ISDIR(sim.st_mode)) {
            struct both below = { dure_openat(at.sim, name, O_RDONLY | O_DIRECTORY),
                                  openat(at.kernel, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };

            compare_and_clear(below);
            dure_close(below.sim);
            close(below.kernel);
        }
    }
    CHECK_EQ(count, count_kernel(at.kernel));
    dure_rewinddir(dir);
    while ((entry = dure_readdir(dir))) {
        int flags = entry->d_type == DT_DIR ? AT_REMOVEDIR : 0;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        CHECK_EQ(dure_unlinkat(at.sim, entry->d_name, flags), 0);
        unlinkat(at.kernel, entry->d_name, flags);
    }
    dure_closedir(dir);
}

static int world(void *arg)
{
    static void (*const calls[])(void) = { call_open,       call_close,   call_names, call_names,
                                           call_attributes, call_content, call_locks };
    char folder[] = "/tmp/dure-sim-XXXXXX";

    (void)arg;
    CHECK(mkdtemp(folder) != NULL);
    CHECK_EQ(dure_mkdir(folder, 0700), 0);
    open_files[0] = (struct both){ dure_open(folder, O_RDONLY | O_DIRECTORY),
                                   open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
    open_len = 1;
    for (int i = 0; i < CALLS && !world_failures; i++)
        calls[dure_sim_draw(sizeof calls / sizeof *calls)]();
    while (open_len > 1) {
        dure_close(open_files[--open_len].sim);
        close(open_files[open_len].kernel);
    }
    compare_and_clear(open_files[0]);
    dure_close(open_files[0].sim);
    close(open_files[0].kernel);
    rmdir(folder);
    return world_failures ? dure_fail(EPROTO, "%u differences", world_failures) : 0;
}

int main(int argc, char **argv)
{
    if (getuid() != 0) {
        printf("SKIP: simulated programs are privileged, and this one is not\n");
        return 77;
    }
    umask(022);
    return dure_sim_main(argc, argv, NULL, world, NULL);
}
