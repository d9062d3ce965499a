/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * helix-agent-va NODE: the H.264 encoders that VA-API has on a render node, one a line. A program
 * of its own, because drivers of GPUs are large and may crash. Exit 1: no driver, or it said no.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <va/va.h>
#include <va/va_drm.h>

static const struct {
	VAProfile profile;
	const char *name;
} profiles[] = {
	{ VAProfileH264ConstrainedBaseline, "H264ConstrainedBaseline" },
	{ VAProfileH264Main, "H264Main" },
	{ VAProfileH264High, "H264High" },
};
static const struct {
	VAEntrypoint entrypoint;
	const char *name;
} encoders[] = {
	{ VAEntrypointEncSlice, "EncSlice" },
	{ VAEntrypointEncSliceLP, "EncSliceLP" },
	{ VAEntrypointEncPicture, "EncPicture" },
};

static void print_profile(VADisplay display, unsigned index, VAEntrypoint *entrypoints)
{
	int n = 0;

	/* Profiles that the driver does not know are an error, and have no entry points. */
	if (vaQueryConfigEntrypoints(display, profiles[index].profile, entrypoints, &n) !=
		VA_STATUS_SUCCESS)
		return;
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(encoders) / sizeof(encoders[0]); k++)
			if (entrypoints[i] == encoders[k].entrypoint)
				printf("%s %s\n", profiles[index].name, encoders[k].name);
}

static void quiet(void *user, const char *message)
{
}

static int print_encoders(int fd)
{
	VADisplay display = vaGetDisplayDRM(fd);
	VAEntrypoint *entrypoints;
	const char *vendor;
	int major, minor;

	if (!display)
		return EXIT_FAILURE;
	vaSetInfoCallback(display, quiet, NULL);
	if (vaInitialize(display, &major, &minor) != VA_STATUS_SUCCESS)
		return EXIT_FAILURE;
	entrypoints = calloc((size_t)vaMaxNumEntrypoints(display), sizeof(*entrypoints));
	if (!entrypoints)
		return EXIT_FAILURE;
	vendor = vaQueryVendorString(display);
	printf("DRIVER: %s\n", vendor ? vendor : "unknown");
	for (unsigned i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		print_profile(display, i, entrypoints);
	free(entrypoints);
	vaTerminate(display);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int fd, status;

	if (argc != 2) {
		fprintf(stderr, "usage: helix-agent-va /dev/dri/renderD128\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	status = print_encoders(fd);
	close(fd);
	return status;
}
